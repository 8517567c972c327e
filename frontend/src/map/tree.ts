// The layer tree: what is on, how opaque, its legend, its date and version.
import { el, icon } from "../dom";
import { number, t } from "../words";
import type { LegendEntry, MapConfig, MapLayer } from "./config";
import { layersOf } from "./config";
import type { Choices } from "./style";
import { isVisible, legendOf, opacityOf } from "./style";

// GB/T 21010 first-level classes as surveyors abbreviate them
const CLASSES: Record<string, [string, string]> = {
  "00": ["湿地", "wetland"],
  "01": ["耕地", "cultivated"],
  "02": ["园地", "garden"],
  "03": ["林地", "forest"],
  "04": ["草地", "grass"],
  "05": ["商服", "commercial"],
  "06": ["工矿", "industrial"],
  "07": ["住宅", "residential"],
  "08": ["公共", "public"],
  "09": ["特殊", "special"],
  "10": ["交通", "transport"],
  "11": ["水域", "water"],
  "12": ["其他", "other"],
};

const chinese = document.documentElement.lang.toLowerCase().startsWith("zh");
export const className = (code: string): string => CLASSES[code]?.[chinese ? 0 : 1] ?? "";

/** The small picture of a legend entry. Colours come as classes or, for a data colour, through the CSSOM. */
export function swatch(entry: LegendEntry): HTMLElement {
  const css = { fill: "sw", line: "ln", dash: "ln d", dot: "ln dot", hatch: "ht" }[entry.kind];
  const made = el("i", { class: css, "aria-hidden": "true" });
  const value = entry.token.startsWith("#") ? entry.token : `var(--jt-${entry.token})`;
  if (entry.kind === "fill") made.style.background = value;
  else made.style.color = value;
  return made;
}

export class Tree {
  private readonly rows = new Map<string, HTMLElement>();

  constructor(
    private readonly into: HTMLElement,
    private readonly choices: Choices,
    private readonly changed: () => void,
  ) {}

  show(config: MapConfig): void {
    this.rows.clear();
    const groups = (config.groups ?? []).map((group) =>
      el(
        "details",
        { class: "group", open: group.open ?? true },
        el("summary", {}, icon("chevron-right", "i-16"), group.title),
        ...group.layers.flatMap((layer) => this.row(layer)),
      ),
    );
    this.into.replaceChildren(...groups);
    this.count(config);
  }

  /** Layers that are on but not drawn at this zoom are shown pale. */
  zoomed(config: MapConfig, zoom: number): void {
    for (const layer of layersOf(config)) {
      const from = Math.max(layer.minzoom ?? 0, layer.source.minzoom ?? 0);
      this.rows.get(layer.id)?.classList.toggle("far", zoom < from);
    }
  }

  count(config: MapConfig): void {
    const n = layersOf(config).filter((l) => isVisible(l, this.choices)).length;
    const place = document.querySelector("[data-map-count]");
    if (place) place.textContent = t("{n} shown", { n });
  }

  private row(layer: MapLayer): Node[] {
    const legend = legendOf(layer, className);
    const single = legend.length === 1 && !legend[0]?.title ? legend[0] : null;
    const check = el("input", { class: "form-check-input", type: "checkbox", checked: isVisible(layer, this.choices) });
    check.checked = isVisible(layer, this.choices);
    const entries = el("div", { class: "jt-legend" }, ...(single ? [] : legend.map((e) => el("span", {}, swatch(e), e.title))));
    entries.hidden = !check.checked || single !== null || legend.length === 0;
    check.addEventListener("change", () => {
      this.choices.visible.set(layer.id, check.checked);
      entries.hidden = !check.checked || single !== null || legend.length === 0;
      this.changed();
    });
    const facts = this.facts(layer);
    const more = el(
      "button",
      {
        class: "more",
        type: "button",
        "aria-label": `${t("Layer settings")} ${layer.title}`,
        "aria-expanded": "false",
        onclick: () => {
          facts.hidden = !facts.hidden;
          more.setAttribute("aria-expanded", String(!facts.hidden));
        },
      },
      icon("adjustments-horizontal", "i-16"),
    );
    const row = el(
      "div",
      { class: "layer" },
      el("label", {}, check, el("span", {}, layer.title), single ? swatch(single) : null, layer.date ? el("small", {}, layer.date) : null),
      more,
    );
    this.rows.set(layer.id, row);
    return [row, entries, facts];
  }

  private facts(layer: MapLayer): HTMLElement {
    const slider = el("input", { type: "range", min: 0, max: 100, step: 5 });
    slider.value = String(Math.round(100 * opacityOf(layer, this.choices)));
    const said = el("span", { class: "num" }, `${slider.value}%`);
    slider.addEventListener("input", () => {
      said.textContent = `${slider.value}%`;
      this.choices.opacity.set(layer.id, Number(slider.value) / 100);
      this.changed();
    });
    const from = Math.max(layer.minzoom ?? 0, layer.source.minzoom ?? 0);
    const scale = 559_082_264 / 2 ** (from + 1); // 1:n of 512 px tiles on a 96 dpi screen at the equator
    const box = el(
      "div",
      { class: "facts" },
      el("label", {}, t("Opacity"), slider, said),
      layer.version ? el("span", { title: layer.version }, `${t("Version")} `, el("span", { class: "mono" }, layer.version.replace(/^sha256:/, "").slice(0, 12))) : null,
      from > 9 ? el("span", { class: "t3" }, t("shown from 1:{scale}", { scale: number(Number(scale.toPrecision(1))) })) : null,
    );
    box.hidden = true;
    return box;
  }
}

