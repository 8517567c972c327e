// Search by number or name: a combobox that flies to what is chosen.
import type { Geometry } from "geojson";
import { el } from "../dom";
import { t } from "../words";
import type { Box } from "./config";

export interface Found {
  title: string;
  hint?: string;
  bounds: Box;
  url?: string;
  geometry?: Geometry;
}

const PAUSE = 220; // ms after the last key
const SHORTEST = 2;

/** Makes ``input`` search at ``url``. Returns what undoes it. */
export function searchBox(input: HTMLInputElement, url: string, chosen: (found: Found) => void): () => void {
  const list = el("ul", { role: "listbox", id: "map-found", "aria-label": t("Search results") });
  input.setAttribute("aria-controls", "map-found");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("role", "combobox");
  input.setAttribute("autocomplete", "off");
  input.parentElement?.append(list);
  let wait = 0;
  let turn = 0;
  const show = (...rows: Node[]) => {
    list.replaceChildren(...rows);
    input.setAttribute("aria-expanded", String(rows.length > 0));
  };
  const choose = (found: Found) => {
    show();
    input.value = found.title;
    chosen(found);
  };
  const row = (found: Found) =>
    el(
      "li",
      { role: "presentation" },
      el("button", { type: "button", role: "option", onclick: () => choose(found) }, found.title, found.hint ? el("small", {}, found.hint) : null),
    );
  const ask = async () => {
    const q = input.value.trim();
    const mine = ++turn;
    if (q.length < SHORTEST) return show();
    const answer = await fetch(`${url}?q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (mine !== turn || !answer.ok) return;
    const { results } = (await answer.json()) as { results: Found[] };
    if (results.length) show(...results.map(row));
    else show(el("li", { class: "none" }, t("Nothing found for “{q}”.", { q })));
  };
  input.addEventListener("input", () => {
    clearTimeout(wait);
    wait = window.setTimeout(() => void ask(), PAUSE);
  });
  const box = input.parentElement ?? input;
  box.addEventListener("keydown", (event) => {
    const options = [...list.querySelectorAll<HTMLElement>("button")];
    const at = options.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") (options[at + 1] ?? options[0])?.focus();
    else if (event.key === "ArrowUp") (options[at - 1] ?? input).focus();
    else if (event.key === "Enter" && document.activeElement === input) options[0]?.click();
    else if (event.key === "Escape") {
      show();
      input.focus();
    } else return;
    event.preventDefault();
  });
  const outside = (event: Event) => {
    if (!box.contains(event.target as Node)) show();
  };
  document.addEventListener("click", outside);
  return () => document.removeEventListener("click", outside);
}
