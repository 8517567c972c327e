// Two versions side by side: a second map over the first, cut by a divider that pointer and arrow keys move.
import type { Map as MapView, StyleSpecification } from "maplibre-gl";
import { el, icon } from "../dom";
import { t } from "../words";
import type { MapLayer, Version } from "./config";

export interface Choice {
  layer: MapLayer;
  version: Version;
}

export class Swipe {
  private readonly element = el("div", { class: "swipe" });
  private readonly divider = el("div", {
    class: "divider",
    role: "separator",
    tabindex: "0",
    "aria-orientation": "vertical",
    "aria-valuemin": "0",
    "aria-valuemax": "100",
    "aria-label": t("Divider between two versions"),
  });
  private readonly bar: HTMLElement;
  private readonly right: MapView;
  private at = 50;

  constructor(
    private readonly box: HTMLElement,
    private readonly left: MapView,
    choices: Choice[],
    makeMap: (container: HTMLElement) => MapView,
    private readonly styleFor: (choice: Choice) => StyleSpecification,
    close: () => void,
  ) {
    const select = el("select", { class: "form-select", "aria-label": t("Version") });
    choices.forEach(({ layer, version }, i) => select.append(el("option", { value: i }, `${layer.title} ${version.title}`)));
    const first = choices[0] as Choice;
    const before = el("span", { class: "t2 nw" }, t("Left: {a}", { a: first.layer.date ?? "" }));
    this.bar = el(
      "div",
      { class: "jt-float versions" },
      before,
      el("span", { class: "t2 nw" }, t("Right:")),
      select,
      el("button", { class: "btn btn-sm btn-icon btn-ghost", type: "button", "aria-label": t("Close"), onclick: close }, icon("x", "i-16")),
    );
    box.append(this.element, this.divider, this.bar);
    this.right = makeMap(this.element);
    this.right.setStyle(styleFor(first));
    select.addEventListener("change", () => {
      const choice = choices[Number(select.value)] as Choice;
      before.textContent = t("Left: {a}", { a: choice.layer.date ?? "" });
      this.right.setStyle(this.styleFor(choice));
    });
    left.on("move", this.follow);
    this.follow();
    this.divider.addEventListener("pointerdown", this.grab);
    this.divider.addEventListener("keydown", this.step);
    this.put(50);
  }

  remove(): void {
    this.left.off("move", this.follow);
    this.right.remove();
    for (const part of [this.element, this.divider, this.bar]) part.remove();
    this.box.style.removeProperty("--at");
  }

  private readonly follow = (): void => {
    this.right.jumpTo({ center: this.left.getCenter(), zoom: this.left.getZoom() });
  };

  private put(at: number): void {
    this.at = Math.min(98, Math.max(2, at));
    this.box.style.setProperty("--at", `${this.at}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.at)));
  }

  private readonly grab = (event: PointerEvent): void => {
    event.preventDefault();
    this.divider.focus();
    this.divider.setPointerCapture(event.pointerId);
    const move = (e: PointerEvent) => {
      const { left, width } = this.box.getBoundingClientRect();
      this.put((100 * (e.clientX - left)) / width);
    };
    this.divider.addEventListener("pointermove", move);
    this.divider.addEventListener("pointerup", () => this.divider.removeEventListener("pointermove", move), { once: true });
  };

  private readonly step = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -2, ArrowRight: 2, PageUp: 10, PageDown: -10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.put(this.at + by);
  };
}
