// The tools of One Map: identify, draw a parcel, measure. One is in hand at a time.
import type { LineString, Polygon } from "geojson";
import type { Map as MapView } from "maplibre-gl";
import { Marker } from "maplibre-gl";
import { el, icon } from "../dom";
import { number, t } from "../words";
import type { MapConfig } from "./config";
import type { DrawMode, Drawing } from "./draw";
import { lineLength, polygonArea } from "./geodesy";
import type { Panel } from "./panel";

export type Tool = "none" | "identify" | DrawMode;

export interface ToolEvents {
  say(text: string): void;
  /** Ids of the layers that can be asked about now. */
  layers(): string[];
  compare(): void;
}

export class Tools {
  private readonly buttons = new Map<Tool | "compare", HTMLButtonElement>();
  private tool: Tool = "none";
  private drawing: Drawing | null = null;
  private pin: Marker | null = null;

  constructor(
    private readonly map: MapView,
    private readonly box: HTMLElement,
    private readonly config: () => MapConfig,
    private readonly panel: Panel,
    private readonly events: ToolEvents,
  ) {
    map.on("click", (e) => {
      if (this.tool === "identify" && !this.drawing?.active) this.identify(e.lngLat.lng, e.lngLat.lat);
    });
    map.getCanvas().addEventListener("keydown", (e) => this.key(e));
  }

  /** The tool bar at the top left. */
  bar(): HTMLElement {
    const bar = el("div", { class: "jt-float jt-mtools h", role: "toolbar", "aria-label": t("Map tools") });
    const put = (element: HTMLElement) => {
      if (bar.childElementCount) bar.append(el("hr"));
      bar.append(element);
    };
    const tool = (name: Tool | "compare", label: string, symbol: string, act: () => void) => {
      const made = el("button", { type: "button", "aria-pressed": "false", title: label, "aria-label": label, onclick: act }, icon(symbol), el("span", {}, label));
      this.buttons.set(name, made);
      put(made);
    };
    const { urls = {} } = this.config();
    if (urls.analyse) tool("parcel", t("Draw a parcel"), "polygon", () => void this.use("parcel"));
    if (urls.upload) put(this.panel.uploadForm(urls.upload));
    if (urls.identify) tool("identify", t("Identify"), "info-circle", () => void this.use("identify"));
    tool("distance", t("Measure distance"), "ruler-measure", () => void this.use("distance"));
    tool("area", t("Measure area"), "dimensions", () => void this.use("area"));
    tool("compare", t("Compare"), "layout-columns", () => this.events.compare());
    if (urls.identify) void this.use("identify");
    return bar;
  }

  pressed(name: Tool | "compare", on: boolean): void {
    this.buttons.get(name)?.setAttribute("aria-pressed", String(on));
  }

  /** Takes a tool in hand; taking it again puts it down. */
  async use(tool: Tool): Promise<void> {
    const next = this.tool === tool && tool !== "identify" ? "none" : tool;
    if (next === "none") return this.rest();
    this.take(next);
    if (next === "identify") {
      this.drawing?.clear();
      this.events.say("");
      return;
    }
    this.pin?.remove();
    if (!this.drawing) {
      const { Drawing } = await import("./draw");
      await this.loaded();
      this.drawing = new Drawing(this.map, {
        changed: (mode, shape) => this.measured(mode, shape),
        finished: (mode, shape) => this.drawn(mode, shape),
      });
    }
    this.drawing.start(next);
    this.events.say(
      next === "distance"
        ? t("Click along the line; double-click or Enter ends, Escape gives up.")
        : t("Click the corners; double-click or Enter ends, Escape gives up."),
    );
  }

  /** Drops what is drawn and pinned. */
  clear(): void {
    this.pin?.remove();
    if (this.tool !== "identify") this.rest();
  }

  /** Back to identify, or to nothing where there is nothing to ask. */
  private rest(): void {
    this.drawing?.clear();
    this.events.say("");
    this.take(this.config().urls?.identify ? "identify" : "none");
  }

  private take(tool: Tool): void {
    this.tool = tool;
    for (const name of this.buttons.keys()) if (name !== "compare") this.pressed(name, name === tool);
    this.box.classList.toggle("pick", tool !== "none");
  }

  private loaded(): Promise<void> {
    return new Promise((done) => (this.map.isStyleLoaded() ? done() : void this.map.once("idle", () => done())));
  }

  private measured(mode: DrawMode, shape: Polygon | LineString): void {
    if (shape.type === "LineString") {
      const metres = lineLength(shape.coordinates);
      if (metres > 0) this.events.say(`${t("Length")} ${metres >= 1000 ? `${number(metres / 1000, 3)} km` : `${number(metres, 2)} m`}`);
      return;
    }
    const m2 = polygonArea(shape.coordinates);
    if (m2 > 0 && Number.isFinite(m2))
      this.events.say(`${t("Area")} ${number(m2 / 10_000, 4)} ${t("ha")}   ${number((m2 * 3) / 2000, 2)} ${t("mu")}   ${number(m2, 2)} m²`);
    if (mode === "parcel") this.pin?.remove();
  }

  private drawn(mode: DrawMode, shape: Polygon | LineString): void {
    this.measured(mode, shape);
    const url = this.config().urls?.analyse;
    if (mode === "parcel" && shape.type === "Polygon" && url) this.panel.ask("POST", url, { geometry: JSON.stringify(shape) });
  }

  private identify(lon: number, lat: number): void {
    const url = this.config().urls?.identify;
    if (!url) return;
    this.pin?.remove();
    this.pin = new Marker({ element: el("div", { class: "pin" }) }).setLngLat([lon, lat]).addTo(this.map);
    this.panel.ask("GET", url, {
      lon: lon.toFixed(8),
      lat: lat.toFixed(8),
      zoom: this.map.getZoom().toFixed(2),
      layers: this.events.layers().join(","),
    });
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter" && this.tool === "identify") {
      const { lng, lat } = this.map.getCenter();
      this.identify(lng, lat);
    }
    if (event.key === "Escape" && this.tool !== "identify" && this.tool !== "none") this.rest();
  }
}
