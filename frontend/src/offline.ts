// The viewer of an offline package: opened from a disc by double-click, without a server and without a network.
import { Map as MapView, NavigationControl, ScaleControl, addProtocol, setWorkerUrl } from "maplibre-gl";
import { PMTiles } from "pmtiles";
import worker from "worker:source";
import { el } from "./dom";
import { layersOf } from "./map/config";
import { IDEOGRAPHS, buildStyle, isVisible, legendOf, picture } from "./map/style";
import type { Choices } from "./map/style";
import { className, swatch } from "./map/tree";
import type { PackagedLayer, Row } from "./offline/content";
import { Parts, find } from "./offline/content";

const content = window.JINTU_CONTENT;
const t = (words: string): string => content.words[words] ?? words;
const choices: Choices = { visible: new Map(), opacity: new Map() };
const byId = new Map(content.layers.map((layer) => [layer.id, layer]));
const archives = new Map(content.layers.filter((l) => l.tiles).map((layer) => [layer.id, new PMTiles(new Parts(layer))]));
const FOUND = 20;

setWorkerUrl(URL.createObjectURL(new Blob([worker], { type: "text/javascript" })));
addProtocol("package", async ({ url }) => {
  const [, id = "", z, x, y] = /^package:\/\/(.+)\/(\d+)\/(\d+)\/(\d+)$/.exec(url) ?? [];
  const tile = await archives.get(decodeURIComponent(id))?.getZxy(Number(z), Number(x), Number(y));
  return { data: tile?.data ?? new ArrayBuffer(0) };
});

const side = el("div", { class: "answer", role: "status" });
const canvas = el("div", { class: "canvas", "aria-label": content.title });
const overlay = (): GeoJSON.FeatureCollection => ({ type: "FeatureCollection", features: marked });
let marked: GeoJSON.Feature[] = [];

const map = new MapView({
  container: canvas,
  attributionControl: false,
  localIdeographFontFamily: IDEOGRAPHS,
  dragRotate: false,
  maxPitch: 0,
  maxZoom: 20,
  fadeDuration: 0,
  renderWorldCopies: false,
  canvasContextAttributes: { preserveDrawingBuffer: true },
});
map.setMissingStyleImageResolver((id) => {
  const drawn = picture(id);
  if (drawn && !map.hasImage(id)) map.addImage(id, drawn, { pixelRatio: 2 });
});
map.addControl(new NavigationControl({ showCompass: false }), "top-right");
map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
map.on("error", ({ error }) => {
  side.replaceChildren(el("p", { class: "wrong" }, `${t("The package is not whole:")} ${error.message}`));
});
map.on("idle", () => (canvas.dataset.idle = ""));

function draw(): void {
  delete canvas.dataset.idle;
  map.setStyle(buildStyle(content.map, choices, [overlay()]), { diff: true });
}

function pairs(rows: [string, string][]): HTMLElement {
  return el("dl", {}, ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** A row under the columns' names; what has no value is left out. */
function card(layer: PackagedLayer, row: Row): HTMLElement {
  const shown = layer.rows.columns.map((c, i): [string, string] => [c.label, row[2][i] ?? ""]).filter(([, value]) => value);
  return el("section", { class: "card" }, el("h3", {}, `${layer.title} ${row[0]}`), pairs(shown));
}

function go(row: Row): void {
  const box = row[1];
  if (!box) return;
  const [w, s, e, n] = box;
  const ring = [[w, s], [e, s], [e, n], [w, n], [w, s]];
  marked = [{ type: "Feature", properties: { role: "selected" }, geometry: { type: "Polygon", coordinates: [ring] } }];
  draw();
  map.fitBounds(box, { padding: 120, maxZoom: 17, duration: 0 });
}

async function identify(place: { lng: number; lat: number }): Promise<void> {
  if (!map.loaded()) {
    side.replaceChildren(el("p", { class: "t3" }, t("The map is being read…")));
    await map.once("idle");
  }
  const point = map.project([place.lng, place.lat]);
  const reach: [[number, number], [number, number]] = [[point.x - 3, point.y - 3], [point.x + 3, point.y + 3]];
  const seen = new Set<string>();
  const cards: HTMLElement[] = [];
  for (const hit of map.queryRenderedFeatures(reach)) {
    const layer = byId.get(hit.source);
    const key = String(hit.properties.key ?? "");
    if (!layer || !key || seen.has(`${layer.id} ${key}`)) continue;
    seen.add(`${layer.id} ${key}`);
    const row = (await find(layer, key, 1))[0];
    if (row && row[0] === key) cards.push(card(layer, row));
  }
  const none = el("p", { class: "t3" }, map.getZoom() < 11 ? t("Zoom in to ask about single features.") : t("Nothing is here."));
  side.replaceChildren(...(cards.length ? cards : [none]));
}

async function search(text: string): Promise<void> {
  const rows: HTMLElement[] = [];
  for (const layer of content.layers)
    for (const row of await find(layer, text, FOUND - rows.length)) {
      const shown = () => {
        go(row);
        side.replaceChildren(card(layer, row));
      };
      rows.push(el("button", { type: "button", class: "hit", onclick: shown }, `${layer.title} ${row[0]}`));
      if (rows.length >= FOUND) break;
    }
  side.replaceChildren(...(rows.length ? rows : [el("p", { class: "t3" }, t("No number begins so."))]));
  if (rows.length === 1) rows[0]?.click();
}

function layerRow(id: string): HTMLElement {
  const layer = layersOf(content.map).find((l) => l.id === id);
  const packed = byId.get(id);
  if (!layer || !packed) return el("div");
  const check = el("input", { type: "checkbox" });
  check.checked = isVisible(layer, choices);
  const legend = el("div", { class: "legend" }, ...legendOf(layer, className).map((e) => el("span", {}, swatch(e), e.title)));
  legend.hidden = !check.checked;
  check.addEventListener("change", () => {
    choices.visible.set(id, check.checked);
    legend.hidden = !check.checked;
    draw();
  });
  const about = el("details", { class: "about" }, el("summary", {}, t("Provenance")), pairs(packed.facts));
  return el("section", { class: "layer", "data-layer": id }, el("label", {}, check, layer.title), legend, about);
}

function page(): void {
  const box = el("input", { type: "search", placeholder: t("Number of a feature"), "aria-label": t("Number of a feature") });
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    if (box.value.trim()) void search(box.value.trim());
  } }, box, el("button", {}, t("Search")));
  const tables = content.layers.filter((l) => !l.tiles);
  document.title = content.title;
  document.documentElement.lang = content.lang === "zh" ? "zh-Hans" : "en";
  document.body.replaceChildren(
    el("aside", {},
      el("header", {}, el("h1", {}, content.title), el("p", { class: "for" }, content.recipient)),
      form,
      side,
      el("h2", {}, t("Layers")),
      ...layersOf(content.map).map((l) => layerRow(l.id)),
      ...tables.map((l) => el("section", { class: "layer" }, el("b", {}, l.title), el("details", { class: "about" }, el("summary", {}, t("Provenance")), pairs(l.facts)))),
      el("h2", {}, t("This package")),
      pairs(content.facts),
    ),
    el("main", {}, canvas, el("div", { class: "mark", "aria-hidden": "true" }, ...Array.from({ length: 40 }, () => el("span", {}, content.watermark)))),
  );
  map.resize();
  if (content.map.bounds) map.fitBounds(content.map.bounds, { padding: 40, duration: 0 });
  draw();
  map.on("click", ({ lngLat }) => void identify(lngLat));
}

page();
