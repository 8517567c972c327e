// One map on a page: the canvas and its style, and what stands on and beside it.
import type { FeatureCollection } from "geojson";
import type { LngLatBoundsLike, StyleSpecification } from "maplibre-gl";
import { Map as MapView } from "maplibre-gl";
import { el } from "../dom";
import { t } from "../words";
import type { Box, Group, MapConfig } from "./config";
import { extent, layersOf } from "./config";
import { StatusLine, viewButtons } from "./furniture";
import { Pace } from "./pace";
import { Panel } from "./panel";
import { searchBox } from "./search";
import type { Choices } from "./style";
import { IDEOGRAPHS, buildStyle, isVisible, picture } from "./style";
import type { Choice, Swipe } from "./swipe";
import { TimeBar } from "./timebar";
import { Tools } from "./tools";
import { Tree } from "./tree";

const PADDING = 48;
const NARROW = "(max-width: 1180px)";
type Start = NonNullable<MapConfig["start"]>;
const nothing = (): FeatureCollection => ({ type: "FeatureCollection", features: [] });

function makeMap(container: HTMLElement, interactive: boolean): MapView {
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

export class View {
  private readonly map: MapView;
  private readonly choices: Choices = { visible: new Map(), opacity: new Map() };
  private readonly canvas = el("div", { class: "canvas" });
  private readonly tip = el("div", { class: "jt-float tip", role: "status" });
  private readonly frame: HTMLElement | null;
  private readonly panel: Panel;
  private readonly tools: Tools | null = null;
  private readonly tree: Tree | null = null;
  private readonly stops: (() => void)[] = [];
  private readonly overlays: FeatureCollection[];
  private swipe: Swipe | null = null;
  private time: TimeBar | null = null;
  private journeys = 0;

  constructor(
    private readonly box: HTMLElement,
    private config: MapConfig,
  ) {
    const whole = config.mode === "onemap";
    this.frame = box.closest<HTMLElement>(".om");
    this.overlays = [config.overlays ?? config.features ?? nothing(), nothing()];
    box.prepend(this.canvas);
    if (config.start) this.choose(config.start);
    this.map = makeMap(this.canvas, true);
    this.map.setStyle(this.style());
    this.map.on("error", ({ error }) => this.complain(error));
    this.map.getCanvas().setAttribute("aria-label", box.getAttribute("aria-label") ?? t("Map"));
    this.panel = new Panel(
      this.frame,
      this.frame?.querySelector<HTMLElement>("[data-map-panel]") ?? null,
      () => this.config.as_of,
      (features, still) => this.received(features, still),
      (group) => this.paint(group),
    );
    const status = new StatusLine(this.map, config, whole);
    box.append(viewButtons(this.map, { home: () => this.home(), ...(whole ? { layers: () => this.toggleLayers() } : {}) }), status.element);
    if (whole) {
      this.tools = new Tools(this.map, box, () => this.config, this.panel, {
        say: (text) => this.say(text),
        layers: () => this.asked(),
        compare: () => void this.compare(!this.swipe),
      });
      box.append(this.tools.bar());
      this.wire();
    }
    const around = box.closest<HTMLElement>("[data-map-scope]");
    if (around) this.obey(around);
    this.tree = this.layerTree();
    const repaint = () => this.repaint();
    document.addEventListener("jt:theme", repaint);
    this.stops.push(() => document.removeEventListener("jt:theme", repaint));
    this.home(false);
    if (config.start) this.begin(config.start);
    status.scaled();
    box.dataset.ready = "";
    this.map.on("idle", () => pace.isSharp && (box.dataset.idle = ""));
    this.map.on("movestart", () => delete box.dataset.idle);
    const pace = new Pace(this.map); // hears of idle after the line above, which waits until it has sharpened
  }

  remove(): void {
    for (const stop of this.stops) stop();
    this.swipe?.remove();
    this.map.remove();
  }

  // -- a bookmark

  private choose({ layers, opacity }: Start): void {
    for (const { id } of layersOf(this.config)) this.choices.visible.set(id, layers.includes(id));
    for (const [id, value] of Object.entries(opacity)) this.choices.opacity.set(id, value);
  }

  private begin({ center, zoom, missing }: Start): void {
    this.map.jumpTo({ center, zoom });
    if (missing.length) this.say(t("Not in your scope, or not on that day: {names}", { names: missing.join(t(", ")) }));
  }

  // -- the map itself

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
    void this.compare(false);
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

  private say(text: string): void {
    this.tip.textContent = text;
    this.tip.classList.toggle("low", this.tools !== null);
    if (text) this.box.append(this.tip);
    else this.tip.remove();
  }

  // -- layers

  private layerTree(): Tree | null {
    const into = this.frame?.querySelector<HTMLElement>("[data-map-tree]");
    if (!into) return null;
    const tree = new Tree(into, this.choices, () => this.refresh());
    tree.show(this.config);
    this.map.on("zoom", () => tree.zoomed(this.config, this.map.getZoom()));
    tree.zoomed(this.config, this.map.getZoom());
    return tree;
  }

  private toggleLayers(): void {
    this.frame?.classList.toggle(matchMedia(NARROW).matches ? "layers-open" : "layers-shut");
  }

  /** Ids of the visible layers that identify asks about. */
  private asked(): string[] {
    return layersOf(this.config)
      .filter((l) => l.identify !== false && l.style.kind !== "raster" && isVisible(l, this.choices))
      .map((l) => l.id);
  }

  // -- the panel and what it shows on the map

  private received(features: FeatureCollection, still: boolean): void {
    this.overlay(features);
    const box = extent(features.features.map((f) => f.geometry));
    if (box && !still) this.fly(box);
  }

  private overlay(features: FeatureCollection): void {
    this.overlays[1] = features;
    this.refresh();
  }

  private closePanel(): void {
    this.panel.close();
    this.overlay(nothing());
    this.tools?.clear();
  }

  // -- two versions

  private async compare(on: boolean): Promise<void> {
    this.swipe?.remove();
    this.swipe = null;
    this.tools?.pressed("compare", on);
    if (!on) return;
    const found: Choice[] = layersOf(this.config)
      .filter((layer) => isVisible(layer, this.choices))
      .flatMap((layer) => (layer.versions ?? []).filter((v) => v.version !== layer.version).map((version) => ({ layer, version })));
    if (!found.length) {
      this.tools?.pressed("compare", false);
      this.say(t("No other version of a visible layer is there to compare with."));
      setTimeout(() => this.say(""), 4000);
      return;
    }
    const { Swipe } = await import("./swipe");
    this.swipe = new Swipe(
      this.box,
      this.map,
      found,
      (container) => {
        const other = makeMap(container, false);
        new Pace(other);
        return other;
      },
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

  // -- One Map: time bar, search, buttons of the page

  private wire(): void {
    const { frame, config } = this;
    if (!frame) return;
    frame.addEventListener("click", (event) => this.pressed(event.target as Element));
    const dates = config.dates ?? [];
    if (dates.length > 1) {
      this.time = new TimeBar(dates, {
        now: () => this.config.as_of,
        go: (date) => this.travel(date),
        ...(config.urls?.difference ? { difference: () => this.difference() } : {}),
      });
      this.box.append(this.time.element);
    }
    const search = frame.querySelector<HTMLInputElement>("[data-map-search]");
    if (search && config.urls?.search)
      this.stops.push(
        searchBox(search, config.urls.search, ({ title, bounds, geometry }) => {
          this.fly(bounds);
          this.overlay({ ...nothing(), features: geometry ? [{ type: "Feature", properties: { role: "selected", name: title }, geometry }] : [] });
        }),
      );
  }

  /** Buttons of the page around a small map fly it to what they name. */
  private obey(around: HTMLElement): void {
    const follow = (event: Event) => this.flyTo(event.target as Element);
    around.addEventListener("click", follow);
    this.stops.push(() => around.removeEventListener("click", follow));
  }

  private flyTo(target: Element): void {
    const fly = target.closest<HTMLElement>("[data-map-fly]")?.dataset.mapFly?.split(",").map(Number);
    if (fly?.length === 4 && fly.every(Number.isFinite)) this.fly(fly as Box);
  }

  private pressed(target: Element): void {
    this.flyTo(target);
    if (target.closest("[data-map-close], [data-map-clear]")) this.closePanel();
    const asked = target.closest<HTMLElement>("[data-map-ask]")?.dataset.mapAsk;
    if (asked === "theme" || asked === "print" || asked === "bookmarks") {
      if (matchMedia(NARROW).matches) this.frame?.classList.remove("layers-open"); // it would cover the panel
      this.ask(asked);
    }
    if (target.closest("[data-map-layers]")) this.toggleLayers();
    if (target.closest("[data-map-reset]")) {
      this.choices.visible.clear();
      this.choices.opacity.clear();
      this.tree?.show(this.config);
      this.refresh();
    }
  }

  private difference(): void {
    this.ask("difference");
  }

  /** Opens one of the page's panels for what is shown. */
  private ask(name: "difference" | "theme" | "print" | "bookmarks"): void {
    const { lng, lat } = this.map.getCenter();
    const bounds = this.map.getBounds();
    this.panel.ask("GET", this.config.urls?.[name] ?? "", {
      layer: this.asked().filter((id) => id !== "theme").join(","),
      ...(name === "print" || name === "bookmarks" ? { view: JSON.stringify({ ...this.state(), center: [lng, lat], box: bounds.toArray().flat() }) } : {}),
    });
  }

  /** What a bookmark keeps and a sheet shows. */
  private state(): Record<string, unknown> {
    return {
      zoom: this.map.getZoom(),
      layers: layersOf(this.config).filter((l) => isVisible(l, this.choices)).map((l) => l.id),
      opacity: Object.fromEntries(this.choices.opacity),
      as_of: this.config.as_of,
      theme: this.theme ?? "",
    };
  }

  /** The digest of the thematic map shown. */
  private get theme(): string | undefined {
    const style = layersOf(this.config).find((l) => l.id === "theme")?.style;
    return style?.kind === "theme" ? style.digest : undefined;
  }

  /** Puts a thematic map on top of the tree, in place of the one before. */
  private paint(group: Group): void {
    const others = (this.config.groups ?? []).filter((g) => g.id !== group.id);
    if (!this.theme) this.choices.visible.delete("theme");
    this.config = { ...this.config, groups: [group, ...others] };
    this.tree?.show(this.config);
    this.refresh();
  }

  /** Shows another day. Of several asked for in haste the last one wins. */
  private async travel(date: string): Promise<void> {
    const url = this.config.urls?.config;
    if (!url) return;
    const turn = ++this.journeys;
    const theme = this.theme ? `&theme=${this.theme}` : "";
    const answer = await fetch(`${url}?as_of=${date}${theme}`, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
    if (turn !== this.journeys) return;
    if (!answer?.ok) {
      this.say(answer ? t("The server could not do this ({status}).", { status: answer.status }) : t("No connection to the server."));
      this.time?.stop();
      this.time?.mark();
      return;
    }
    this.say("");
    const { dates: _dates, ...fresh } = (await answer.json()) as MapConfig;
    this.config = { ...this.config, ...fresh };
    await this.compare(false);
    this.tree?.show(this.config);
    this.refresh();
    await this.drawn();
  }

  /** When all tiles are there, at the latest after some seconds. */
  private drawn(): Promise<void> {
    return new Promise((done) => {
      const late = setTimeout(done, 5000);
      this.map.once("idle", () => {
        clearTimeout(late);
        done();
      });
      this.map.triggerRepaint();
    });
  }
}
