// The panel beside the map: asks the server, shows its fragment, hands the outline in it to the map.
import type { FeatureCollection } from "geojson";
import { el, icon } from "../dom";
import { t } from "../words";
import type { Group } from "./config";

interface Htmx {
  ajax(verb: string, url: string, context: { target: Element; swap?: string; values?: Record<string, string> }): Promise<void>;
  process(element: Element): void;
}
const htmx = (): Htmx => (window as unknown as { htmx: Htmx }).htmx;

const FILES = ".txt,.zip,.geojson,.json,.gpkg,.kml,.csv,.xlsx";

export class Panel {
  private asked = 0;

  constructor(
    private readonly frame: HTMLElement | null,
    private readonly element: HTMLElement | null,
    private readonly asOf: () => string | undefined,
    /** ``still``: the view stays where it is. */
    private readonly shown: (features: FeatureCollection, still: boolean) => void,
    /** A thematic map came with the panel. */
    private readonly painted: (group: Group) => void,
  ) {
    // what the panel asks for by itself (a narrower list, another unit) brings its own outlines
    element?.addEventListener("htmx:afterSettle", (event) => {
      const by = (event as CustomEvent<{ requestConfig?: { elt?: Element } }>).detail.requestConfig?.elt;
      if (by && by !== element && by !== document.body) this.received();
    });
  }

  ask(verb: "GET" | "POST", url: string, values: Record<string, string>): void {
    const target = this.element;
    if (!target || !url) return;
    this.open();
    const turn = ++this.asked;
    const asOf = this.asOf();
    void htmx()
      .ajax(verb, url, { target, swap: "innerHTML", values: { ...values, ...(asOf ? { as_of: asOf } : {}) } })
      .then(() => turn === this.asked && this.received());
  }

  close(): void {
    this.frame?.classList.remove("with-panel");
    this.element?.replaceChildren();
  }

  /** A form that sends the file through HTMX, so that token, progress and errors are those of every form. */
  uploadForm(url: string): HTMLElement {
    const label = t("Import coordinates");
    const input = el("input", { class: "jt-sr", type: "file", name: "file", accept: FILES, tabindex: "-1", "aria-label": label });
    const asOf = el("input", { type: "hidden", name: "as_of" });
    const button = el("button", { type: "button", title: label, "aria-label": label, onclick: () => input.click() }, icon("table-import"), el("span", {}, label));
    const form = el("form", { "hx-post": url, "hx-encoding": "multipart/form-data", "hx-target": "[data-map-panel]", "hx-swap": "innerHTML" }, input, asOf, button);
    input.addEventListener("change", () => {
      if (!input.files?.length) return;
      asOf.value = this.asOf() ?? "";
      this.open();
      form.requestSubmit();
    });
    form.addEventListener("htmx:afterRequest", () => {
      input.value = "";
      this.received();
    });
    queueMicrotask(() => htmx().process(form));
    return form;
  }

  private open(): void {
    this.frame?.classList.add("with-panel");
  }

  private received(): void {
    if (!this.element?.childElementCount) return this.close(); // refused: the reason is told beside the map
    const theme = this.element.querySelector<HTMLScriptElement>("script[data-map-theme]");
    if (theme?.textContent) this.painted(JSON.parse(theme.textContent) as Group);
    const script = this.element.querySelector<HTMLScriptElement>("script[data-map-overlay]");
    if (!script?.textContent) return;
    this.shown(JSON.parse(script.textContent) as FeatureCollection, script.dataset.mapOverlay === "still");
  }
}
