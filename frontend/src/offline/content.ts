// What a package holds, as its script files say it. Browsers fetch nothing from file://, so that tiles and rows come as
// scripts that call JINTU_PART; each is loaded when it is asked for.
import type { Box, MapConfig } from "../map/config";

export interface Column {
  name: string;
  label: string;
}

export interface PackagedLayer {
  id: string;
  title: string;
  folder: string;
  /** Bytes of the archive, and of each part of it. */
  tiles: { bytes: number; part: number } | null;
  /** Rows by number, in runs: the first number of each run. */
  rows: { first: string[]; columns: Column[] };
  facts: [string, string][];
}

export interface Content {
  lang: "zh" | "en";
  title: string;
  recipient: string;
  watermark: string;
  facts: [string, string][];
  words: Record<string, string>;
  map: MapConfig;
  layers: PackagedLayer[];
}

/** [number, box, values in the order of the columns]. */
export type Row = [string, Box | null, string[]];

declare global {
  interface Window {
    JINTU_CONTENT: Content;
    JINTU_PART: (name: string, base64: string) => void;
  }
}

const waiting = new Map<string, (data: Uint8Array<ArrayBuffer>) => void>();
const known = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
const KEPT = 48;

window.JINTU_PART = (name, base64) => {
  const text = atob(base64);
  const data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
  waiting.get(name)?.(data);
  waiting.delete(name);
};

/** The bytes of a part: "<folder>/<name>" is also the path of its script. */
export function part(name: string): Promise<Uint8Array<ArrayBuffer>> {
  let found = known.get(name);
  if (!found) {
    found = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(name, resolve);
      script.src = `${name}.js`;
      script.onload = () => script.remove();
      script.onerror = () => reject(new Error(`${name}.js`));
      document.head.append(script);
    });
    known.set(name, found);
    if (known.size > KEPT) known.delete(known.keys().next().value as string);
  }
  return found;
}

/** Parts of an archive as the PMTiles reader asks for them. */
export class Parts {
  constructor(private readonly layer: PackagedLayer) {}

  getKey(): string {
    return this.layer.folder;
  }

  async getBytes(offset: number, length: number): Promise<{ data: ArrayBuffer }> {
    const { bytes, part: size } = this.layer.tiles ?? { bytes: 0, part: 1 };
    const end = Math.min(offset + length, bytes);
    const out = new Uint8Array(Math.max(0, end - offset));
    for (let n = Math.floor(offset / size); n * size < end; n++) {
      const data = await part(`${this.layer.folder}/tiles-${n}`);
      const from = Math.max(offset, n * size);
      const to = Math.min(end, (n + 1) * size);
      out.set(data.subarray(from - n * size, to - n * size), from - offset);
    }
    return { data: out.buffer };
  }
}

async function run(layer: PackagedLayer, n: number): Promise<Row[]> {
  const packed = await part(`${layer.folder}/rows-${n}`);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text()) as Row[];
}

/** The run that would hold a number: the last that begins at or before it. */
export function runOf(first: string[], wanted: string): number {
  let low = 0;
  let high = first.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((first[middle] ?? "") <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows whose number begins so, at most `most`. */
export async function find(layer: PackagedLayer, beginning: string, most: number): Promise<Row[]> {
  const found: Row[] = [];
  if (!layer.rows.first.length) return found;
  for (let n = runOf(layer.rows.first, beginning); n < layer.rows.first.length; n++) {
    const rows = await run(layer, n);
    const hits = rows.filter(([key]) => key.startsWith(beginning));
    found.push(...hits.slice(0, most - found.length));
    const last = rows.at(-1)?.[0] ?? "";
    if (found.length >= most || (last > beginning && !last.startsWith(beginning))) break;
  }
  return found;
}
