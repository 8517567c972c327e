// Every map of the product: One Map, a register's rows, a record, the evidence of a finding. See README.md for the
// configuration. The server says what there is; this script draws it and brings back what the person points at.
import type { FeatureCollection, Geometry, LineString, Polygon } from "geojson";
import type { LngLatBoundsLike, MapMouseEvent, StyleSpecification } from "maplibre-gl";
import { Map as MapView, Marker, addProtocol, setWorkerUrl } from "maplibre-gl";
import { data, each, el, icon, place } from "./dom";
import { number, t } from "./words";
import type { Box, MapConfig } from "./map/config";
import { extent, layersOf } from "./map/config";
import type { DrawMode, Drawing } from "./map/draw";
import { distance, dms, lineLength, niceBelow, polygonArea } from "./map/geodesy";
import type { Choices } from "./map/style";
import { IDEOGRAPHS, absolute, buildStyle, isVisible, picture } from "./map/style";
import type { Choice, Swipe } from "./map/swipe";
import { Tree } from "./map/tree";

type Tool = "none" | "identify" | DrawMode;

interface Found {
  title: string;
  hint?: string;
  bounds: Box;
  url?: string;
  geometry?: Geometry;
}

interface Htmx {
  ajax(verb: string, url: string, context: { target: Element; swap?: string; values?: Record<string, string> }): Promise<void>;
  process(element: Element): void;
}
const htmx = (): Htmx => (window as unknown as { htmx: Htmx }).htmx;

const PADDING = 48;
const DPI = 96;

let workerIsSet = false;
let pmtilesIsSet = false;

async function prepare(config: MapConfig): Promise<void> {
  if (!workerIsSet) {
    setWorkerUrl(absolute(place("jt-map-worker")));
    workerIsSet = true;
  }
  if (!pmtilesIsSet && layersOf(config).some((l) => l.source.pmtiles)) {
    const { Protocol } = await import("pmtiles");
    addProtocol("pmtiles", new Protocol().tile);
    pmtilesIsSet = true;
  }
}

class OneMap {
  private readonly map: MapView;
  private readonly choices: Choices = { visible: new Map(), opacity: new Map() };
  private readonly tree: Tree | null = null;
  private readonly canvas = el("div", { class: "canvas" });
  private readonly tip = el("div", { class: "jt-float tip", role: "status" });
  private readonly scale = el("i");
  private readonly scaleWords = el("b");
  private readonly ratio = el("span");
  private readonly position = el("span", { class: "lo2" });
  private readonly buttons = new Map<Tool | "compare", HTMLButtonElement>();
  private readonly panel: HTMLElement | null;
  private readonly frame: HTMLElement | null;
  private readonly stops: (() => void)[] = [];
  private overlays: FeatureCollection[];
  private tool: Tool = "none";
  private drawing: Drawing | null = null;
  private swipe: Swipe | null = null;
  private pin: Marker | null = null;
  private asked = 0;

  constructor(
    private readonly box: HTMLElement,
    private config: MapConfig,
  ) {
    const whole = config.mode === "onemap";
    this.frame = box.closest<HTMLElement>(".om");
    this.panel = this.frame?.querySelector<HTMLElement>("[data-map-panel]") ?? null;
    this.overlays = [config.overlays ?? config.features ?? { type: "FeatureCollection", features: [] }, { type: "FeatureCollection", features: [] }];
    box.prepend(this.canvas);
    this.map = this.make(this.canvas, true);
    this.map.setStyle(this.style());
    this.map.on("move", () => this.status());
    this.map.on("mousemove", (e) => this.where(e.lngLat.lng, e.lngLat.lat));
    this.map.on("click", (e) => this.clicked(e));
    this.map.on("error", ({ error }) => this.complain(error));
    this.map.getCanvas().setAttribute("aria-label", box.getAttribute("aria-label") ?? t("Map"));
    this.map.getCanvas().addEventListener("keydown", (e) => this.key(e));
    this.furnish(whole);
    const tree = this.frame?.querySelector<HTMLElement>("[data-map-tree]");
    if (tree) {
      this.tree = new Tree(tree, this.choices, () => this.refresh());
      this.tree.show(config);
      this.map.on("zoom", () => this.tree?.zoomed(this.config, this.map.getZoom()));
      this.tree.zoomed(config, this.map.getZoom());
    }
    if (whole) this.wire();
    const repaint = () => this.repaint();
    document.addEventListener("jt:theme", repaint);
    this.stops.push(() => document.removeEventListener("jt:theme", repaint));
    this.home(false);
    this.status();
    box.dataset.ready = "";
    this.map.on("idle", () => (box.dataset.idle = ""));
  }

  remove(): void {
    for (const stop of this.stops) stop();
    this.swipe?.remove();
    this.map.remove();
  }

  // -- the map itself

  private make(container: HTMLElement, interactive: boolean): MapView {
    const made = new MapView({
      container,
      interactive,
      attributionControl: false,
      localIdeographFontFamily: IDEOGRAPHS,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxPitch: 0,
      maxZoom: 20,
      fadeDuration: 0,
      renderWorldCopies: false,
      center: [104, 36],
      zoom: 4,
      canvasContextAttributes: { preserveDrawingBuffer: true }, // so that a page with a map can be printed
    });
    made.touchZoomRotate?.disableRotation();
    made.keyboard?.disableRotation();
    made.setMissingStyleImageResolver((id) => {
      const drawn = picture(id);
      if (drawn && !made.hasImage(id)) made.addImage(id, drawn, { pixelRatio: 2 });
    });
    return made;
  }

  private style(config = this.config): StyleSpecification {
    return buildStyle(config, this.choices, this.overlays);
  }

  /** Draws what changed; what Terra Draw put on the map stays on top. */
  private refresh(): void {
    this.map.setStyle(this.style(), {
      diff: true,
      transformStyle: (before, next) => {
        if (!before) return next;
        const drawn = before.layers.filter((l) => l.id.startsWith("td-"));
        const kept = Object.entries(before.sources).filter(([name]) => name.startsWith("td-"));
        return { ...next, sources: { ...next.sources, ...Object.fromEntries(kept) }, layers: [...next.layers, ...drawn] };
      },
    });
    this.tree?.count(this.config);
    this.tree?.zoomed(this.config, this.map.getZoom());
  }

  private repaint(): void {
    for (const id of this.map.listImages()) {
      const drawn = picture(id);
      if (drawn) this.map.updateImage(id, drawn);
    }
    this.refresh();
    this.compare(false);
  }

  private home(move = true): void {
    const { fit = this.config.mode === "onemap" ? "bounds" : "overlays" } = this.config;
    const overlay = fit === "overlays" ? extent(this.overlays.flatMap((o) => o.features.map((f) => f.geometry))) : null;
    const target = overlay ?? (move ? (this.config.home ?? this.config.bounds) : (this.config.bounds ?? this.config.home));
    if (target) this.fly(target, move);
  }

  private fly(box: Box, animate = true): void {
    const [w, s, e, n] = box;
    this.map.fitBounds([[w, s], [e, n]] as LngLatBoundsLike, { padding: PADDING, maxZoom: 17, animate, duration: 600 });
  }

  private complain(error: unknown): void {
    const source = (error as { sourceId?: string } | undefined)?.sourceId;
    console.warn("map:", error instanceof Error ? error.message : error, source ?? "");
  }

  // -- status line, zoom buttons, tools

  private furnish(whole: boolean): void {
    const view = el("div", { class: "jt-float jt-mtools", role: "toolbar", "aria-label": t("View") });
    const button = (label: string, name: string, act: () => void) =>
      el("button", { type: "button", "aria-label": label, title: label, onclick: act }, icon(name));
    view.append(
      button(t("Zoom in"), "plus", () => this.map.zoomIn()),
      el("hr"),
      button(t("Zoom out"), "minus", () => this.map.zoomOut()),
      el("hr"),
      button(t("Back to the whole area"), "home", () => this.home()),
    );
    if (whole) view.append(el("hr"), button(t("Layers"), "stack-2", () => this.toggleLayers()));
    const scale = el("span", { class: "jt-scale" }, this.scale, this.scaleWords);
    const line = el("div", { class: "jt-status" }, scale, this.ratio);
    if (whole) line.append(this.position, el("span", { class: "lo2" }, this.config.crs ?? "CGCS2000"), el("span", { class: "ml lo lo2" }, t("Areas are ellipsoidal")));
    this.box.append(view, line);
    if (this.config.credit) this.box.append(el("span", { class: "jt-float credit" }, this.config.credit));
    if (!whole) return;
    const tools = el("div", { class: "jt-float jt-mtools h", role: "toolbar", "aria-label": t("Map tools") });
    tools.style.left = "12px";
    tools.style.right = "auto";
    const tool = (name: Tool | "compare", label: string, symbol: string, act: () => void) => {
      const made = el("button", { type: "button", "aria-pressed": "false", title: label, "aria-label": label, onclick: act }, icon(symbol), el("span", {}, label));
      this.buttons.set(name, made);
      if (tools.childElementCount) tools.append(el("hr"));
      tools.append(made);
    };
    const { urls = {} } = this.config;
    if (urls.analyse) tool("parcel", t("Draw a parcel"), "polygon", () => void this.use("parcel"));
    if (urls.upload) {
      if (tools.childElementCount) tools.append(el("hr"));
      tools.append(this.upload(urls.upload));
    }
    if (urls.identify) tool("identify", t("Identify"), "info-circle", () => void this.use("identify"));
    tool("distance", t("Measure distance"), "ruler-measure", () => void this.use("distance"));
    tool("area", t("Measure area"), "dimensions", () => void this.use("area"));
    tool("compare", t("Compare"), "layout-columns", () => void this.compare(!this.swipe));
    this.box.append(tools);
    if (urls.identify) void this.use("identify");
  }

  private status(): void {
    const { lat, lng } = this.map.getCenter();
    const a = this.map.unproject([this.map.getCanvas().clientWidth / 2 - 50, this.map.getCanvas().clientHeight / 2]);
    const b = this.map.unproject([this.map.getCanvas().clientWidth / 2 + 50, this.map.getCanvas().clientHeight / 2]);
    const perPixel = distance([a.lng, a.lat], [b.lng, b.lat]) / 100;
    if (!(perPixel > 0)) return;
    const length = niceBelow(perPixel * 110);
    this.scale.style.width = `${length / perPixel}px`;
    this.scaleWords.textContent = length >= 1000 ? `${number(length / 1000)} km` : `${number(length)} m`;
    const ratio = perPixel / (0.0254 / DPI);
    this.ratio.textContent = `1:${number(Number(ratio.toPrecision(2)))}`;
    this.where(lng, lat);
  }

  private where(lon: number, lat: number): void {
    this.position.textContent = `${t(lon < 0 ? "W" : "E")} ${dms(lon)} ${t(lat < 0 ? "S" : "N")} ${dms(lat)}`;
  }

  private toggleLayers(): void {
    const narrow = matchMedia("(max-width: 1180px)").matches;
    this.frame?.classList.toggle(narrow ? "layers-open" : "layers-shut");
  }

  private say(text: string): void {
    this.tip.textContent = text;
    if (text) {
      this.tip.classList.toggle("low", this.buttons.size > 0);
      this.box.append(this.tip);
    } else this.tip.remove();
  }

  // -- tools

  private async use(tool: Tool): Promise<void> {
    const next = this.tool === tool && tool !== "identify" ? "none" : tool;
    if (next === "none") {
      this.drawing?.clear();
      this.say("");
      return this.use(this.config.urls?.identify ? "identify" : "none");
    }
    this.tool = next;
    for (const [name, button] of this.buttons) if (name !== "compare") button.setAttribute("aria-pressed", String(name === next));
    this.box.classList.add("pick");
    if (next === "identify") {
      this.drawing?.clear();
      this.say("");
      return;
    }
    this.pin?.remove();
    if (!this.drawing) {
      const { Drawing } = await import("./map/draw");
      await this.loaded();
      this.drawing = new Drawing(this.map, {
        changed: (mode, shape) => this.measured(mode, shape),
        finished: (mode, shape) => this.drawn(mode, shape),
      });
    }
    this.drawing.start(next);
    this.say(
      next === "distance"
        ? t("Click along the line; double-click or Enter ends, Escape gives up.")
        : t("Click the corners; double-click or Enter ends, Escape gives up."),
    );
  }

  private loaded(): Promise<void> {
    return new Promise((done) => (this.map.isStyleLoaded() ? done() : void this.map.once("idle", () => done())));
  }

  private measured(mode: DrawMode, shape: Polygon | LineString): void {
    if (shape.type === "LineString") {
      const metres = lineLength(shape.coordinates);
      if (metres > 0) this.say(`${t("Length")} ${metres >= 1000 ? `${number(metres / 1000, 3)} km` : `${number(metres, 2)} m`}`);
      return;
    }
    const m2 = polygonArea(shape.coordinates);
    if (m2 > 0 && Number.isFinite(m2))
      this.say(`${t("Area")} ${number(m2 / 10_000, 4)} ${t("ha")}   ${number((m2 * 3) / 2000, 2)} ${t("mu")}   ${number(m2, 2)} m²`);
    if (mode === "parcel") this.pin?.remove();
  }

  private drawn(mode: DrawMode, shape: Polygon | LineString): void {
    this.measured(mode, shape);
    if (mode === "parcel" && shape.type === "Polygon" && this.config.urls?.analyse)
      this.ask("POST", this.config.urls.analyse, { geometry: JSON.stringify(shape) });
  }

  private clicked(event: MapMouseEvent): void {
    if (this.tool !== "identify" || this.drawing?.active || !this.config.urls?.identify) return;
    this.identify(event.lngLat.lng, event.lngLat.lat);
  }

  private identify(lon: number, lat: number): void {
    const layers = layersOf(this.config)
      .filter((l) => l.identify !== false && l.style.kind !== "raster" && isVisible(l, this.choices))
      .map((l) => l.id);
    this.pin?.remove();
    this.pin = new Marker({ element: el("div", { class: "pin" }) }).setLngLat([lon, lat]).addTo(this.map);
    this.ask("GET", this.config.urls?.identify ?? "", {
      lon: lon.toFixed(8),
      lat: lat.toFixed(8),
      zoom: this.map.getZoom().toFixed(2),
      layers: layers.join(","),
    });
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" && this.tool === "identify") {
      const { lng, lat } = this.map.getCenter();
      this.identify(lng, lat);
    }
    if (event.key === "Escape" && this.tool !== "identify") void this.use(this.tool);
  }

  /** Asks the server and shows its fragment in the panel. */
  private ask(verb: "GET" | "POST", url: string, values: Record<string, string>): void {
    if (!this.panel || !url) return;
    this.openPanel();
    const turn = ++this.asked;
    const target = this.panel;
    void htmx()
      .ajax(verb, url, { target, swap: "innerHTML", values: { ...values, ...(this.config.as_of ? { as_of: this.config.as_of } : {}) } })
      .then(() => turn === this.asked && this.received(target));
  }

  private received(panel: Element): void {
    const script = panel.querySelector<HTMLScriptElement>("script[data-map-overlay]");
    if (!script?.textContent) return;
    const shown = JSON.parse(script.textContent) as FeatureCollection;
    this.overlay(shown);
    const box = extent(shown.features.map((f) => f.geometry));
    if (box && script.dataset.mapOverlay !== "still") this.fly(box);
  }

  private overlay(features: FeatureCollection): void {
    this.overlays[1] = features;
    this.refresh();
  }

  private openPanel(): void {
    this.frame?.classList.add("with-panel");
  }

  private closePanel(): void {
    this.frame?.classList.remove("with-panel");
    this.pin?.remove();
    this.panel?.replaceChildren();
    this.overlay({ type: "FeatureCollection", features: [] });
    if (this.tool !== "identify" && this.tool !== "none") void this.use(this.tool);
  }

  /** A form that sends the file through HTMX, so that token, progress and errors are those of every form. */
  private upload(url: string): HTMLElement {
    const input = el("input", { class: "jt-sr", type: "file", name: "file", accept: ".txt,.zip,.geojson,.json,.gpkg,.kml,.csv,.xlsx", tabindex: "-1" });
    const form = el("form", { "hx-post": url, "hx-encoding": "multipart/form-data", "hx-target": "[data-map-panel]", "hx-swap": "innerHTML" }, input);
    const asOf = el("input", { type: "hidden", name: "as_of" });
    const button = el(
      "button",
      { type: "button", title: t("Import coordinates"), "aria-label": t("Import coordinates"), onclick: () => input.click() },
      icon("table-import"),
      el("span", {}, t("Import coordinates")),
    );
    form.append(asOf, button);
    input.addEventListener("change", () => {
      if (!input.files?.length) return;
      asOf.value = this.config.as_of ?? "";
      this.openPanel();
      form.requestSubmit();
    });
    form.addEventListener("htmx:afterRequest", () => {
      input.value = "";
      if (this.panel) this.received(this.panel);
    });
    queueMicrotask(() => htmx().process(form));
    return form;
  }

  // -- two versions

  private async compare(on: boolean): Promise<void> {
    const button = this.buttons.get("compare");
    this.swipe?.remove();
    this.swipe = null;
    button?.setAttribute("aria-pressed", String(on));
    if (!on) return;
    const found: Choice[] = layersOf(this.config)
      .filter((layer) => isVisible(layer, this.choices))
      .flatMap((layer) => (layer.versions ?? []).filter((v) => v.version !== layer.version).map((version) => ({ layer, version })));
    if (!found.length) {
      button?.setAttribute("aria-pressed", "false");
      this.say(t("No other version of a visible layer is there to compare with."));
      setTimeout(() => this.say(""), 4000);
      return;
    }
    const { Swipe } = await import("./map/swipe");
    this.swipe = new Swipe(
      this.box,
      this.map,
      found,
      (container) => this.make(container, false),
      (choice) => this.style(this.with(choice)),
      () => void this.compare(false),
    );
  }

  /** The configuration with one layer in another version. */
  private with({ layer, version }: Choice): MapConfig {
    const groups = (this.config.groups ?? []).map((group) => ({
      ...group,
      layers: group.layers.map((l) => (l.id === layer.id ? { ...l, source: { ...l.source, tiles: version.tiles } } : l)),
    }));
    return { ...this.config, groups };
  }

  // -- One Map: time bar, search, panel

  private wire(): void {
    const { frame, config } = this;
    if (!frame) return;
    frame.addEventListener("click", (event) => {
      const target = event.target as Element;
      const fly = target.closest<HTMLElement>("[data-map-fly]")?.dataset.mapFly?.split(",").map(Number);
      if (fly?.length === 4 && fly.every(Number.isFinite)) this.fly(fly as Box);
      if (target.closest("[data-map-close]")) this.closePanel();
      if (target.closest("[data-map-layers]")) this.toggleLayers();
      if (target.closest("[data-map-clear]")) {
        this.closePanel();
        this.drawing?.clear();
      }
      if (target.closest("[data-map-reset]")) {
        this.choices.visible.clear();
        this.choices.opacity.clear();
        this.tree?.show(this.config);
        this.refresh();
      }
    });
    if ((config.dates?.length ?? 0) > 1) this.timeBar();
    const search = frame.querySelector<HTMLInputElement>("[data-map-search]");
    if (search && config.urls?.search) this.search(search, config.urls.search);
  }

  private timeBar(): void {
    const list = el("ol");
    const bar = el("div", { class: "jt-float om-time", role: "group", "aria-label": t("As of") }, el("span", { class: "fs12 t2 nw" }, icon("history", "i-16"), ` ${t("As of")}`), list);
    const dates = this.config.dates ?? [];
    const mark = () => {
      // the latest date not after the as-of date is the one shown
      const now = [...dates].reverse().find((d) => d.date <= (this.config.as_of ?? "9999"))?.date;
      for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === now));
    };
    for (const { date, title } of dates)
      list.append(el("li", {}, el("button", { type: "button", value: date, title: date, onclick: () => void this.travel(date).then(mark) }, title)));
    this.box.append(bar);
    mark();
    requestAnimationFrame(() => (bar.scrollLeft = bar.scrollWidth));
  }

  private async travel(date: string): Promise<void> {
    const url = this.config.urls?.config;
    if (!url) return;
    const answer = await fetch(`${url}?as_of=${date}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) return this.say(t("The server could not do this ({status}).", { status: answer.status }));
    this.config = { ...this.config, ...((await answer.json()) as MapConfig) };
    await this.compare(false);
    this.tree?.show(this.config);
    this.refresh();
  }

  private search(input: HTMLInputElement, url: string): void {
    const list = el("ul", { role: "listbox", id: "map-found" });
    input.setAttribute("aria-controls", "map-found");
    input.setAttribute("role", "combobox");
    input.setAttribute("autocomplete", "off");
    input.parentElement?.append(list);
    let wait = 0;
    let turn = 0;
    const choose = (found: Found) => {
      list.replaceChildren();
      input.value = found.title;
      this.fly(found.bounds);
      const shape = found.geometry;
      this.overlay({ type: "FeatureCollection", features: shape ? [{ type: "Feature", properties: { role: "selected", name: found.title }, geometry: shape }] : [] });
    };
    const ask = async () => {
      const q = input.value.trim();
      const mine = ++turn;
      if (q.length < 2) return list.replaceChildren();
      const answer = await fetch(`${url}?q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (mine !== turn || !answer.ok) return;
      const { results } = (await answer.json()) as { results: Found[] };
      list.replaceChildren(
        ...results.map((found) =>
          el("li", { role: "presentation" }, el("button", { type: "button", role: "option", onclick: () => choose(found) }, found.title, found.hint ? el("small", {}, found.hint) : null)),
        ),
      );
      if (!results.length) list.append(el("li", { class: "none" }, t("Nothing found for “{q}”.", { q })));
    };
    input.addEventListener("input", () => {
      clearTimeout(wait);
      wait = window.setTimeout(() => void ask(), 220);
    });
    const box = input.parentElement ?? input;
    box.addEventListener("keydown", (event) => {
      const options = [...list.querySelectorAll<HTMLElement>("button")];
      const at = options.indexOf(document.activeElement as HTMLElement);
      if (event.key === "ArrowDown") (options[at + 1] ?? options[0])?.focus();
      else if (event.key === "ArrowUp") (options[at - 1] ?? input).focus();
      else if (event.key === "Enter" && document.activeElement === input) options[0]?.click();
      else if (event.key === "Escape") {
        list.replaceChildren();
        input.focus();
      } else return;
      event.preventDefault();
    });
    const outside = (event: Event) => {
      if (!box.contains(event.target as Node)) list.replaceChildren();
    };
    document.addEventListener("click", outside);
    this.stops.push(() => document.removeEventListener("click", outside));
  }
}

each<HTMLElement>("[data-map]", (box) => {
  const config = data<MapConfig>(box.dataset.map ?? "");
  if (!config) return;
  let map: OneMap | null = null;
  let gone = false;
  void prepare(config).then(() => {
    if (gone) return;
    try {
      map = new OneMap(box, config);
    } catch (error) {
      console.warn("map:", error);
      box.append(el("p", { class: "failed" }, t("The map needs WebGL, which this browser does not offer. Lists and figures work without it.")));
    }
  });
  return () => {
    gone = true;
    map?.remove();
  };
});
