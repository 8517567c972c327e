// From the configuration to a MapLibre style. All colours are design tokens, read anew when the theme changes.
import type { Feature, FeatureCollection } from "geojson";
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from "maplibre-gl";
import { token } from "../dom";
import { number } from "../words";
import type { ClassStyle, LegendEntry, MapConfig, MapLayer, Stage, TileSource } from "./config";
import { layersOf } from "./config";
import { inside } from "./inside";
import { stacked } from "./order";

/** What a person changed: visible and opacity by layer id. */
export interface Choices {
  visible: Map<string, boolean>;
  opacity: Map<string, number>;
}

// Without a glyphs address MapLibre draws every character from the system's fonts.
const FONT = ["Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
export const IDEOGRAPHS = FONT.map((name) => (name.includes(" ") ? `"${name}"` : name)).join(",");

const STAGES: Record<Stage, { token: string; dash?: number[] }> = {
  approve: { token: "map-approve" },
  supply: { token: "map-supply", dash: [4, 2] },
  use: { token: "map-use", dash: [1, 1.4] },
  compensate: { token: "map-comp", dash: [3, 1.8] },
  inspect: { token: "map-inspect" },
};

/** What happened to a feature between two versions; hues that the colour-blind tell apart (Okabe and Ito). */
const CHANGES: Record<string, string> = { came: "chg-came", went: "chg-went", class: "chg-class", attributes: "chg-attributes", outline: "chg-outline" };

/** GB/T 21010 first-level classes by the first two digits of a code; settlement (20x) is drawn as 07. */
export const LAND_USE = ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "00"];

export function colour(name: string): string {
  return name.startsWith("#") ? name : token(name) || "#888888";
}

export function isVisible(layer: MapLayer, choices: Choices): boolean {
  return choices.visible.get(layer.id) ?? layer.visible ?? false;
}

export function opacityOf(layer: MapLayer, choices: Choices): number {
  return choices.opacity.get(layer.id) ?? layer.opacity ?? 1;
}

/** The whole style. Layers that are off are left out, so that nothing is fetched for them. */
export function buildStyle(config: MapConfig, choices: Choices, overlays: FeatureCollection[]): StyleSpecification {
  const sources: Record<string, SourceSpecification> = {};
  const layers: LayerSpecification[] = [
    { id: "ground", type: "background", paint: { "background-color": colour("map-ground") } },
  ];
  const labels: LayerSpecification[] = [];
  const drawn: LayerSpecification[] = [];
  for (const layer of [...layersOf(config)].reverse()) {
    if (!isVisible(layer, choices)) continue;
    const source = sourceOf(layer.source);
    if (!source) continue;
    sources[layer.id] = source;
    drawn.push(...layersFor(layer, opacityOf(layer, choices)));
  }
  const ordered = stacked(drawn);
  layers.push(...ordered.filter((l) => l.type !== "symbol"));
  labels.push(...ordered.filter((l) => l.type === "symbol"));
  overlays.forEach((features, i) => {
    if (!features.features.length) return;
    const id = `overlay-${i}`;
    sources[id] = { type: "geojson", data: prepared(features) };
    layers.push(...overlayLayers(id));
    labels.push(...overlayLabels(id));
  });
  return { version: 8, sources, layers: [...layers, ...labels], transition: { duration: 0, delay: 0 } };
}

/** Tiles are asked for by absolute address: the worker that fetches them has another base. */
export function absolute(url: string): string {
  return /^[a-z]+:/.test(url) ? url : location.origin + (url.startsWith("/") ? url : `/${url}`);
}

function sourceOf(source: TileSource): SourceSpecification | null {
  const span = {
    ...(source.bounds ? { bounds: source.bounds } : {}),
    ...(source.minzoom !== undefined ? { minzoom: source.minzoom } : {}),
    ...(source.maxzoom !== undefined ? { maxzoom: source.maxzoom } : {}),
  };
  if (source.tiles) return { type: "vector", tiles: [absolute(source.tiles)], ...span };
  if (source.pmtiles) return { type: "vector", url: `pmtiles://${absolute(source.pmtiles)}` };
  if (source.raster) return { type: "raster", tiles: [absolute(source.raster)], tileSize: source.tileSize ?? 256, ...span };
  if (source.geojson) return { type: "geojson", data: typeof source.geojson === "string" ? absolute(source.geojson) : source.geojson };
  return null;
}

function layersFor(layer: MapLayer, opacity: number): LayerSpecification[] {
  const { style } = layer;
  const vector = Boolean(layer.source.tiles || layer.source.pmtiles);
  const base = {
    source: layer.id,
    ...(vector ? { "source-layer": layer.source.layer ?? layer.id } : {}),
    ...(layer.minzoom !== undefined ? { minzoom: layer.minzoom } : {}),
  };
  const made: LayerSpecification[] = [];
  switch (style.kind) {
    case "raster":
      return [{ id: `${layer.id}|raster`, type: "raster", source: layer.id, paint: { "raster-opacity": opacity, "raster-fade-duration": 0 } }];
    case "land-use": {
      const field = style.field ?? "land_use_code";
      made.push(fill(layer.id, base, byLandUse(field), opacity), edges(layer.id, { ...base, filter: SINGLE }, opacity, layer.edges_from ?? 12.5));
      break;
    }
    case "classes":
      made.push(fill(layer.id, base, byClass(style.field, style.classes, "lu-12"), opacity * 0.7), edges(layer.id, { ...base, filter: SINGLE }, opacity, 10));
      break;
    case "theme": {
      // of a feature its tile says only the class, a number: the browser's work does not grow with the layer
      const pairs = style.colours.flatMap((c, i) => [i, c]);
      const paint = (pairs.length ? ["match", ["get", "c"], ...pairs, style.other] : style.other) as ExpressionSpecification | string;
      if (style.geometry === "line") made.push(...lines(layer.id, base, paint, opacity));
      else if (style.geometry === "point") made.push(...circles(layer.id, base, paint, opacity));
      else made.push(fill(layer.id, base, paint, opacity), edges(layer.id, base, 0.6 * opacity, 13));
      break;
    }
    case "plain":
      made.push(...outline(layer.id, base, { token: style.token }, opacity, 1.4));
      break;
    case "line":
    case "point": {
      const paint = style.land_use && style.field ? byLandUse(style.field) : style.field ? byClass(style.field, style.classes ?? [], style.token) : colour(style.token);
      made.push(...(style.kind === "line" ? lines(layer.id, base, paint, opacity) : circles(layer.id, base, paint, opacity)));
      break;
    }
    case "hatch":
      made.push({
        id: `${layer.id}|hatch`,
        type: "fill",
        ...base,
        paint: { "fill-pattern": `hatch:${style.token ?? "map-comp"}`, "fill-opacity": opacity },
      });
      break;
    case "boundary":
      made.push(
        { id: `${layer.id}|wide`, type: "line", ...base, layout: { "line-join": "round" }, paint: { "line-color": colour("map-label"), "line-opacity": 0.14 * opacity, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 1, 10, 1.6, 12.5, 5] } },
        { id: `${layer.id}|line`, type: "line", ...base, layout: { "line-join": "round" }, paint: { "line-color": colour("map-label"), "line-opacity": 0.7 * opacity, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.35, 10, 0.5, 12.5, 1], "line-dasharray": [6, 2, 1, 2] } },
      );
      break;
    case "stage":
      made.push(...outline(layer.id, base, STAGES[style.stage] ?? STAGES.approve, opacity));
      break;
  }
  if (layer.label) made.push(label(layer, base, opacity));
  return made;
}

/** Areas of the generalised picture have no identifier, and no outline: it would say what is not so. */
const SINGLE: FilterSpecification = ["has", "key"];

type Base = { source: string; "source-layer"?: string; minzoom?: number; filter?: FilterSpecification };

function fill(id: string, base: Base, paint: ExpressionSpecification | string, opacity: number): LayerSpecification {
  return { id: `${id}|fill`, type: "fill", ...base, paint: { "fill-color": paint, "fill-opacity": opacity, "fill-antialias": false } };
}

function byLandUse(field: string): ExpressionSpecification {
  const first: ExpressionSpecification = ["slice", ["to-string", ["coalesce", ["get", field], ""]], 0, 2];
  return ["match", first, ...LAND_USE.flatMap((c) => [c, colour(`lu-${c}`)]), "20", colour("lu-07"), colour("lu-12")] as unknown as ExpressionSpecification;
}

function byClass(field: string, classes: ClassStyle[], other: string): ExpressionSpecification | string {
  const pairs = classes.flatMap((c) => [c.value, colour(c.token)]);
  if (!pairs.length) return colour(other);
  return ["match", ["to-string", ["coalesce", ["get", field], ""]], ...pairs, colour(other)] as unknown as ExpressionSpecification;
}

/** Lines with a dark casing when near, so that a pale class shows on a ground of the same hue. */
function lines(id: string, base: Base, paint: ExpressionSpecification | string, opacity: number): LayerSpecification[] {
  const width = (more: number): ExpressionSpecification => ["interpolate", ["linear"], ["zoom"], 10, 0.6 + more / 2, 14, 1.8 + more, 17, 4 + more];
  const layout = { "line-join": "round", "line-cap": "round" } as const;
  return [
    { id: `${id}|case`, type: "line", ...base, minzoom: Math.max(12, base.minzoom ?? 0), layout, paint: { "line-color": colour("map-edge"), "line-width": width(1.4), "line-opacity": opacity } },
    { id: `${id}|line`, type: "line", ...base, layout, paint: { "line-color": paint, "line-width": width(0), "line-opacity": opacity } },
  ];
}

function circles(id: string, base: Base, paint: ExpressionSpecification | string, opacity: number): LayerSpecification[] {
  const grown = (from: number, to: number): ExpressionSpecification => ["interpolate", ["linear"], ["zoom"], 10, from, 15, to];
  return [
    {
      id: `${id}|circle`,
      type: "circle",
      ...base,
      paint: { "circle-color": paint, "circle-opacity": opacity, "circle-radius": grown(1.6, 4.5), "circle-stroke-color": colour("map-halo"), "circle-stroke-width": grown(0.4, 1.4), "circle-stroke-opacity": opacity },
    },
  ];
}

function edges(id: string, base: Base, opacity: number, from: number): LayerSpecification {
  return {
    id: `${id}|edge`,
    type: "line",
    ...base,
    minzoom: Math.max(from, base.minzoom ?? 0),
    paint: { "line-color": colour("map-edge"), "line-width": 0.8, "line-opacity": opacity },
  };
}

/**
 * A life-cycle outline: a halo that separates it from any fill, the line, and a breath of fill to be seen when small.
 * Far out a parcel is a few pixels: there it is a tinted spot with a thin edge, without halo and dashes.
 */
function outline(id: string, base: Base, stage: { token: string; dash?: number[] }, opacity: number, width = 2): LayerSpecification[] {
  const paint = colour(stage.token);
  const grown = (from: number, to: number): ExpressionSpecification => ["interpolate", ["linear"], ["zoom"], 11, from, 14, to];
  const made: LayerSpecification[] = [
    { id: `${id}|tint`, type: "fill", ...base, paint: { "fill-color": paint, "fill-opacity": grown(0.2 * opacity, 0.07 * opacity) } },
    {
      id: `${id}|halo`,
      type: "line",
      ...base,
      minzoom: Math.max(12, base.minzoom ?? 0),
      layout: { "line-join": "round" },
      paint: { "line-color": colour("map-halo"), "line-opacity": 0.85 * opacity, "line-width": ["interpolate", ["linear"], ["zoom"], 12, 1.5, 14, width + 2.5] },
    },
    {
      id: `${id}|line`,
      type: "line",
      ...base,
      layout: { "line-join": "round", "line-cap": "butt" },
      paint: {
        "line-color": paint,
        "line-opacity": opacity,
        "line-width": grown(0.7, width),
        ...(stage.dash ? { "line-dasharray": ["step", ["zoom"], ["literal", [1, 0]], 13, ["literal", stage.dash]] as ExpressionSpecification } : {}),
      },
    },
  ];
  return made;
}

function label(layer: MapLayer, base: Base, opacity: number): LayerSpecification {
  const name = layer.style.kind === "boundary" || layer.style.kind === "stage";
  return {
    id: `${layer.id}|label`,
    type: "symbol",
    ...base,
    ...(layer.source.labels ? { "source-layer": layer.source.labels } : {}),
    minzoom: Math.max(layer.label_from ?? 15, base.minzoom ?? 0),
    layout: {
      "text-field": ["to-string", ["coalesce", ["get", layer.label ?? "title"], ""]],
      "text-font": FONT,
      "text-size": name ? 12 : 11,
      "text-padding": 4,
      "text-max-width": 9,
    },
    paint: {
      "text-color": colour(layer.style.kind === "stage" ? STAGES[layer.style.stage].token : "map-label"),
      "text-halo-color": colour("map-halo"),
      "text-halo-width": name ? 1.6 : 1,
      "text-opacity": opacity * (name ? 1 : 0.85),
    },
  };
}

// -- overlays: evidence, the row of the page, the area analysed

function prepared(features: FeatureCollection): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: features.features.flatMap((f) => {
      const facts = f.properties ?? {};
      const area = Number(facts.area_m2 ?? 0);
      const words = String(facts.role === "part" && area > 0 ? `${number(area, 2)} m²` : (facts.name ?? ""));
      const shown: Feature = { ...f, properties: { role: "row", stage: "", ...facts } };
      const at = words ? inside(f.geometry) : null;
      if (!at) return [shown];
      // a point of its own: a polygon is cut at tile edges and would say its name in every piece
      const point: Feature = { type: "Feature", properties: { role: "words", of: facts.role ?? "row", words }, geometry: { type: "Point", coordinates: at } };
      return [shown, point];
    }),
  };
}

function overlayLayers(id: string): LayerSpecification[] {
  const row = (stage: string): Base => ({ source: id, filter: ["all", ["==", ["get", "role"], "row"], ["==", ["get", "stage"], stage]] as FilterSpecification });
  const role = (name: string): Base => ({ source: id, filter: ["==", ["get", "role"], name] as FilterSpecification });
  const drawn: LayerSpecification[] = [];
  for (const [stage, facts] of Object.entries(STAGES)) drawn.push(...outline(`${id}-${stage}`, row(stage), facts, 1));
  drawn.push(...outline(`${id}-other`, row(""), { token: "map-select" }, 1));
  drawn.push({ id: `${id}-part`, type: "fill", ...role("part"), paint: { "fill-pattern": "hatch:map-approve" } });
  drawn.push(...outline(`${id}-partline`, role("part"), { token: "map-approve" }, 1, 1.4).filter((l) => l.type === "line"));
  for (const [name, paint] of Object.entries(CHANGES)) {
    const base: Base = { source: id, filter: ["all", ["==", ["get", "role"], "change"], ["==", ["get", "change"], name]] as FilterSpecification };
    drawn.push(
      { id: `${id}-${name}-fill`, type: "fill", ...base, paint: { "fill-color": colour(paint), "fill-opacity": name === "attributes" ? 0.12 : 0.45 } },
      { id: `${id}-${name}-line`, type: "line", ...base, layout: { "line-join": "round" }, paint: { "line-color": colour(paint), "line-width": name === "attributes" ? 1 : 2 } },
    );
  }
  drawn.push(...outline(`${id}-selected`, role("selected"), { token: "map-select" }, 1, 3));
  drawn.push({
    id: `${id}-point`,
    type: "circle",
    source: id,
    filter: ["all", ["==", ["geometry-type"], "Point"], ["!=", ["get", "role"], "words"]],
    paint: { "circle-radius": 6, "circle-color": colour("map-select"), "circle-stroke-color": colour("map-halo"), "circle-stroke-width": 2 },
  });
  return drawn;
}

function overlayLabels(id: string): LayerSpecification[] {
  return [
    {
      id: `${id}-words`,
      type: "symbol",
      source: id,
      filter: ["==", ["get", "role"], "words"],
      layout: {
        "text-field": ["get", "words"],
        "text-font": FONT,
        "text-size": 12.5,
        "text-max-width": 14,
        "text-padding": 6,
        "symbol-sort-key": ["case", ["==", ["get", "of"], "part"], 0, 1],
        "text-variable-anchor": ["center", "top", "bottom", "left", "right"],
        "text-radial-offset": 0.6,
      },
      paint: {
        "text-color": ["case", ["==", ["get", "of"], "part"], colour("red"), colour("map-label")] as ExpressionSpecification,
        "text-halo-color": colour("map-halo"),
        "text-halo-width": 1.8,
      },
    },
  ];
}

// -- pictures for patterns

/** Draws the picture `hatch:<token>` in the theme's colour; null for another name. */
export function picture(id: string): ImageData | null {
  if (!id.startsWith("hatch:")) return null;
  const name = id.slice("hatch:".length);
  const conflict = name === "map-approve";
  const ratio = 2;
  const size = 8 * ratio;
  const canvas = new OffscreenCanvas(size, size);
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.strokeStyle = colour(name);
  pen.lineWidth = (conflict ? 1.7 : 1) * ratio;
  if (conflict) {
    pen.globalAlpha = 0.16;
    pen.fillStyle = colour(name);
    pen.fillRect(0, 0, size, size);
  }
  pen.globalAlpha = conflict ? 0.95 : 0.8;
  pen.beginPath();
  // one diagonal and its two neighbours, so that the lines meet across tiles of the pattern
  for (const shift of [-size, 0, size])
    if (conflict) {
      pen.moveTo(shift - 2, size + 2);
      pen.lineTo(shift + size + 2, -2);
    } else {
      pen.moveTo(shift - 2, -2);
      pen.lineTo(shift + size + 2, size + 2);
    }
  pen.stroke();
  return pen.getImageData(0, 0, size, size);
}

// -- legend

export function legendOf(layer: MapLayer, names: (code: string) => string): LegendEntry[] {
  if (layer.legend) return layer.legend;
  const { style } = layer;
  switch (style.kind) {
    case "land-use":
      return LAND_USE.map((code) => ({ kind: "fill", token: `lu-${code}`, title: `${code} ${names(code)}` }));
    case "classes":
      return style.classes.map((c) => ({ kind: "fill", token: c.token, title: c.title }));
    case "hatch":
      return [{ kind: "hatch", token: style.token ?? "map-comp", title: "" }];
    case "stage": {
      const { token: name, dash } = STAGES[style.stage] ?? STAGES.approve;
      return [{ kind: !dash ? "line" : style.stage === "use" ? "dot" : "dash", token: name, title: "" }];
    }
    case "boundary":
      return [{ kind: "dash", token: "map-label", title: "" }];
    case "plain":
      return [{ kind: "line", token: style.token, title: "" }];
    case "line":
    case "point": {
      const kind = style.kind === "line" ? "line" : "dot";
      if (style.land_use) return LAND_USE.map((code) => ({ kind, token: `lu-${code}`, title: `${code} ${names(code)}` }));
      const own = style.classes ?? [];
      return own.length ? own.map((c) => ({ kind, token: c.token, title: c.title })) : [{ kind, token: style.token, title: "" }];
    }
    case "theme":
    case "raster":
      return [];
  }
}
