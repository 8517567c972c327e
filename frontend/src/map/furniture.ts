// What stands on every map: zoom buttons and the status line with scale, position and credit.
import type { Map as MapView } from "maplibre-gl";
import { el, icon } from "../dom";
import { number, t } from "../words";
import type { MapConfig } from "./config";
import { distance, dms, niceBelow } from "./geodesy";

const DPI = 96;
const SCALE_PIXELS = 110;

export interface ViewActs {
  home(): void;
  /** Only where the page has a layer tree. */
  layers?: () => void;
}

/** The tool bar at the top right. */
export function viewButtons(map: MapView, acts: ViewActs): HTMLElement {
  const bar = el("div", { class: "jt-float jt-mtools", role: "toolbar", "aria-label": t("View") });
  const button = (label: string, name: string, act: () => void) =>
    el("button", { type: "button", "aria-label": label, title: label, onclick: act }, icon(name));
  bar.append(
    button(t("Zoom in"), "plus", () => map.zoomIn()),
    el("hr"),
    button(t("Zoom out"), "minus", () => map.zoomOut()),
    el("hr"),
    button(t("Back to the whole area"), "home", acts.home),
  );
  if (acts.layers) bar.append(el("hr"), button(t("Layers"), "stack-2", acts.layers));
  return bar;
}

/** The line at the bottom: scale bar, 1:n, and on One Map the position and the reference system. */
export class StatusLine {
  readonly element = el("div", { class: "jt-status" });
  private readonly bar = el("i");
  private readonly words = el("b");
  private readonly ratio = el("span");
  private readonly position = el("span", { class: "lo2" });

  constructor(
    private readonly map: MapView,
    config: MapConfig,
    whole: boolean,
  ) {
    this.element.append(el("span", { class: "jt-scale" }, this.bar, this.words), this.ratio);
    if (whole)
      this.element.append(
        this.position,
        el("span", { class: "lo2" }, config.crs ?? "CGCS2000"),
        el("span", { class: "ml lo lo2" }, t("Areas are ellipsoidal")),
      );
    if (config.credit) this.element.append(el("span", { class: "credit" }, config.credit));
    map.on("move", () => this.scaled());
    map.on("mousemove", (e) => this.at(e.lngLat.lng, e.lngLat.lat));
  }

  /** Scale of the middle of the map, position of its centre. */
  scaled(): void {
    const { lat, lng } = this.map.getCenter();
    const { clientWidth: width, clientHeight: height } = this.map.getCanvas();
    const a = this.map.unproject([width / 2 - 50, height / 2]);
    const b = this.map.unproject([width / 2 + 50, height / 2]);
    const perPixel = distance([a.lng, a.lat], [b.lng, b.lat]) / 100;
    if (!(perPixel > 0)) return;
    const length = niceBelow(perPixel * SCALE_PIXELS);
    this.bar.style.width = `${length / perPixel}px`;
    this.words.textContent = length >= 1000 ? `${number(length / 1000)} km` : `${number(length)} m`;
    this.ratio.textContent = `1:${number(Number((perPixel / (0.0254 / DPI)).toPrecision(2)))}`;
    this.at(lng, lat);
  }

  private at(lon: number, lat: number): void {
    this.position.textContent = `${t(lon < 0 ? "W" : "E")} ${dms(lon)} ${t(lat < 0 ? "S" : "N")} ${dms(lat)}`;
  }
}
