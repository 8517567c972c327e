// The configuration a page gives the map; frontend/README.md says what each key means.
import type { FeatureCollection, Geometry } from "geojson";

export type Box = [number, number, number, number];
export type Stage = "approve" | "supply" | "use" | "compensate" | "inspect";

export interface TileSource {
  tiles?: string;
  raster?: string;
  pmtiles?: string;
  geojson?: FeatureCollection | string;
  layer?: string;
  /** Tile layer with one point per feature, where its name is written; without it the features themselves are named. */
  labels?: string;
  minzoom?: number;
  maxzoom?: number;
  tileSize?: number;
  bounds?: Box;
}

export interface ClassStyle {
  value: string;
  title: string;
  token: string;
}

export type LayerStyle =
  | { kind: "land-use"; field?: string }
  | { kind: "stage"; stage: Stage }
  | { kind: "hatch"; token?: string }
  | { kind: "classes"; field: string; classes: ClassStyle[] }
  | { kind: "boundary" }
  | { kind: "plain"; token: string }
  | { kind: "line" | "point"; token: string; field?: string; land_use?: boolean; classes?: ClassStyle[] }
  | { kind: "theme"; digest: string; geometry: "polygon" | "line" | "point"; colours: string[]; other: string }
  | { kind: "raster" };

export interface LegendEntry {
  kind: "fill" | "line" | "dash" | "dot" | "hatch";
  token: string;
  title: string;
}

export interface Version {
  version: string;
  title: string;
  tiles: string;
}

export interface MapLayer {
  id: string;
  title: string;
  visible?: boolean;
  opacity?: number;
  identify?: boolean;
  date?: string;
  version?: string;
  source: TileSource;
  style: LayerStyle;
  label?: string;
  label_from?: number;
  /** Zoom from which features of a land-use layer have outlines; 12.5 unless the layer is dense. */
  edges_from?: number;
  minzoom?: number;
  versions?: Version[];
  legend?: LegendEntry[];
}

export interface Group {
  id: string;
  title: string;
  open?: boolean;
  layers: MapLayer[];
}

export interface MapConfig {
  mode?: "onemap" | "view";
  bounds?: Box;
  home?: Box;
  fit?: "overlays" | "bounds";
  crs?: string;
  credit?: string;
  groups?: Group[];
  overlays?: FeatureCollection;
  /** The same as `overlays`, for pages of one record. */
  features?: FeatureCollection;
  /** A bookmark: the map starts as somebody left it. `missing` are names of layers this person does not have. */
  start?: { center: [number, number]; zoom: number; layers: string[]; opacity: Record<string, number>; missing: string[] };
  as_of?: string;
  dates?: { date: string; title: string }[];
  urls?: { identify?: string; search?: string; analyse?: string; upload?: string; config?: string; difference?: string; theme?: string; print?: string; bookmarks?: string };
}

/** All layers, those drawn last (on top) first. */
export function layersOf(config: MapConfig): MapLayer[] {
  return (config.groups ?? []).flatMap((group) => group.layers);
}

/** [west, south, east, north] of geometries, or null when there is no vertex. */
export function extent(shapes: (Geometry | null)[]): Box | null {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part;
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else part.forEach(walk);
  };
  const visit = (shape: Geometry | null): void => {
    if (!shape) return;
    if (shape.type === "GeometryCollection") shape.geometries.forEach(visit);
    else walk(shape.coordinates);
  };
  shapes.forEach(visit);
  return box[0] <= box[2] ? box : null;
}
