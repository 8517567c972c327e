// Making elements without innerHTML.
type Props = Record<string, string | number | boolean | EventListener | undefined>;

/** An element with attributes (`on…` keys are listeners, true is an empty attribute, false and undefined leave it out). */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: (Node | string | null | undefined)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child != null) made.append(child);
  return made;
}

/** One of the sprite's icons; the sprite's address is in the page's head. */
export function icon(name: string, size = ""): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", `i ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${place("jt-icons")}#i-${name}`);
  svg.append(use);
  return svg;
}

/** Content of a `<meta name>`: addresses of built files and settings of the page. */
export function place(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

/** What a `json_script` of this id holds. */
export function data<T>(id: string): T | null {
  const script = document.getElementById(id);
  return script?.textContent ? (JSON.parse(script.textContent) as T) : null;
}

/** The value of a design token on an element, as the theme has it now. */
export function token(name: string, at: Element = document.documentElement): string {
  return getComputedStyle(at).getPropertyValue(name.startsWith("--") ? name : `--jt-${name}`).trim();
}

/** Calls `start` for every element that fits, now and whenever HTMX brings more; `stop` when it leaves the page. */
export function each<E extends Element>(selector: string, start: (element: E) => (() => void) | void): void {
  const running = new Map<Element, (() => void) | void>();
  const scan = (root: ParentNode) => {
    for (const found of root.querySelectorAll<E>(selector)) if (!running.has(found)) running.set(found, start(found));
  };
  const sweep = () => {
    for (const [element, stop] of running) {
      if (element.isConnected) continue;
      stop?.();
      running.delete(element);
    }
  };
  const ready = () => {
    scan(document);
    document.body.addEventListener("htmx:afterSettle", () => {
      sweep();
      scan(document);
    });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
}
