// On every page: HTMX under a strict policy, theme, keyboard, menus, confirmations, toasts and small table behaviours.
// Everything works without this script except what only a browser can do; nothing here knows a business word.
import htmx from "htmx.org";
import { el, each, icon, place } from "./dom";
import { number, t } from "./words";

Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0, // pages hold business data: nothing of them stays in the browser's storage
  refreshOnHistoryMiss: true,
  scrollIntoViewOnBoost: false,
  defaultSettleDelay: 0,
  attributesToSettle: ["class", "width", "height"], // not "style": the content policy forbids setting that attribute
});
Object.assign(window, { htmx });

const body = document.body;

// -- requests

body.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value;
  if (token) (event as CustomEvent).detail.headers["X-CSRFToken"] = token;
});

let running = 0;
function busy(change: number): void {
  running = Math.max(0, running + change);
  document.querySelector(".jt-busy")?.classList.toggle("on", running > 0);
}
body.addEventListener("htmx:beforeRequest", () => busy(1));
body.addEventListener("htmx:afterRequest", () => busy(-1));

body.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event as CustomEvent;
  const xhr: XMLHttpRequest = detail.xhr;
  const signIn = place("jt-sign-in");
  if (signIn && xhr.responseURL && new URL(xhr.responseURL).pathname === signIn) {
    detail.shouldSwap = false; // the session ended: no sign-in form inside a panel
    location.assign(`${signIn}?expired=1&next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  // an answer that says what is wrong with the input is content for the same place
  if (xhr.status === 422 && !said(xhr.responseText)) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});

/** The sentence of an error page or an API error, or "". */
function said(text: string): string {
  try {
    const answer = JSON.parse(text);
    return [answer.place, answer.detail, answer.remedy].filter(Boolean).join(" ");
  } catch {
    const page = new DOMParser().parseFromString(text, "text/html");
    return page.querySelector("[data-error]")?.textContent?.replace(/\s+/g, " ").trim() ?? "";
  }
}

body.addEventListener("htmx:responseError", (event) => {
  const { xhr } = (event as CustomEvent).detail;
  toast(said(xhr.responseText) || t("The server could not do this ({status}).", { status: xhr.status }), "r");
});
body.addEventListener("htmx:sendError", () =>
  toast(t("Nothing was sent: no connection to the server. What you entered is still here."), "o"),
);
window.addEventListener("offline", () => toast(t("No connection to the server."), "o"));
window.addEventListener("online", () => toast(t("The connection is back."), "g"));

// -- toasts: good news goes by itself, the rest waits to be read

type Tone = "" | "g" | "o" | "r";
const ICONS: Record<Tone, string> = { "": "info-circle", g: "circle-check", o: "alert-circle", r: "alert-circle" };

export function toast(text: string, tone: Tone = ""): void {
  const region = document.querySelector(".jt-toasts");
  if (!region || !text) return;
  const note = el("div", { class: `jt-note ${tone}`, role: tone === "r" ? "alert" : "status" }, icon(ICONS[tone]), el("div", {}, text));
  region.append(note);
  settle(note);
}

function settle(note: HTMLElement): void {
  note.append(el("button", { class: "close", type: "button", "aria-label": t("Close"), onclick: () => note.remove() }, icon("x", "i-16")));
  if (!note.matches(".r, .o")) setTimeout(() => note.remove(), 6000);
}
document.querySelectorAll<HTMLElement>(".jt-toasts > .jt-note").forEach(settle);
body.addEventListener("jt:toast", (event) => {
  const { text = "", tone = "" } = (event as CustomEvent).detail ?? {};
  toast(text, tone);
});

// -- theme

function flip(): void {
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("jt-theme", root.dataset.bsTheme);
  } catch {
    // storage is shut off: the choice holds for this page
  }
  document.dispatchEvent(new CustomEvent("jt:theme"));
}

// -- clicks

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  if (target.closest("[data-theme-toggle]")) flip();
  if (target.closest("[data-print]")) window.print();
  if (target.closest("[data-help]")) help();
  if (target.closest("[data-back]")) history.back();
  if (target.closest("[data-search-open]")) openSearch();
  const copy = target.closest<HTMLElement>("[data-copy]");
  if (copy) void navigator.clipboard?.writeText(copy.dataset.copy ?? "").then(() => toast(t("Copied"), "g"));
  // a menu shuts when something else is clicked, a step form only from its own button or Escape
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.jt-menu[open]"))
    if (!open.contains(target)) open.open = false;
  const step = target.closest("details.fd-step > summary")?.parentElement;
  if (step) for (const other of document.querySelectorAll<HTMLDetailsElement>("details.fd-step[open]")) if (other !== step) other.open = false;
});

// -- a long form is sent only while the session lives: signed out, its entries would be lost on the sign-in page

const sending = new WeakSet<HTMLFormElement>();
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (!form.matches("form[data-guard]") || sending.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
  void token().then((fresh) => {
    if (fresh === null) return signInBeside();
    const field = form.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]");
    if (field && fresh) field.value = fresh; // signing in again made a new one
    sending.add(form);
    form.requestSubmit(button);
  }, () => toast(t("Nothing was sent: no connection to the server. What you entered is still here."), "o"));
}, true);

/** The token of the session as it is now; null when nobody is signed in any more. */
async function token(): Promise<string | null> {
  const answer = await fetch(place("jt-own-account"), { credentials: "same-origin", headers: { Accept: "text/html" } });
  if (new URL(answer.url).pathname === place("jt-sign-in")) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

function signInBeside(): void {
  void ask(t("You were signed out. Nothing was sent and nothing is lost: sign in on the page that opens, then come back here and send again."), t("Sign in"), false).then(
    (yes) => yes && window.open(place("jt-sign-in"), "_blank", "noopener"),
  );
}

// -- confirmation: data-confirm="What will happen" on a form or on the button that sends it

let agreed: Element | null = null;
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  const button = (event as SubmitEvent).submitter;
  const question = (button as HTMLElement | null)?.dataset.confirm ?? form.dataset.confirm;
  if (!question || agreed === form) {
    agreed = null;
    guarded.delete(form);
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  void ask(question, button?.textContent?.trim() || t("Yes, go on"), button?.classList.contains("btn-danger") ?? false).then((yes) => {
    if (!yes) return;
    agreed = form;
    form.requestSubmit(button as HTMLButtonElement | null);
  });
}, true);
body.addEventListener("htmx:confirm", (event) => {
  const { detail } = event as CustomEvent;
  if (!detail.question) return;
  event.preventDefault();
  void ask(detail.question, t("Yes, go on"), false).then((yes) => yes && detail.issueRequest(true));
});

function ask(question: string, verb: string, danger: boolean): Promise<boolean> {
  return new Promise((done) => {
    const dialog = el("dialog", { class: "jt-dialog" });
    const close = (answer: boolean) => {
      dialog.close();
      dialog.remove();
      done(answer);
    };
    const yes = el("button", { class: `btn ${danger ? "btn-danger" : "btn-primary"}`, type: "button", onclick: () => close(true) }, verb);
    dialog.append(
      el("div", { class: "body" }, question),
      el("div", { class: "foot" }, el("button", { class: "btn", type: "button", onclick: () => close(false) }, t("Cancel")), yes),
    );
    dialog.addEventListener("cancel", () => close(false));
    body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

// -- keyboard: `/` searches, `g` and a letter goes, `j` `k` move in a list, `?` tells

function typing(target: EventTarget | null): boolean {
  const e = target as HTMLElement | null;
  return !!e?.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog[open]");
}

function openSearch(): void {
  const box = document.querySelector<HTMLElement>(".jt-search");
  box?.classList.add("open");
  box?.querySelector("input")?.focus();
}
document.querySelector(".jt-search input")?.addEventListener("blur", (event) =>
  (event.target as Element).closest(".jt-search")?.classList.remove("open"),
);

function help(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#jt-help");
  if (dialog && !dialog.open) dialog.showModal();
}
document.querySelector("#jt-help")?.addEventListener("click", (event) => {
  const dialog = event.currentTarget as HTMLDialogElement;
  if (event.target === dialog || (event.target as Element).closest("[data-close]")) dialog.close();
});

const LISTS = "[data-list] a[href], table.table tbody tr td a[href]";

function move(step: number): void {
  const seen = new Set<Element>();
  const links = [...document.querySelectorAll<HTMLElement>(LISTS)].filter((a) => {
    const row = a.closest("tr, .fd-row, li") ?? a; // the first link of each row stands for the row
    if (seen.has(row) || !a.offsetParent) return false;
    seen.add(row);
    return true;
  });
  if (!links.length) return;
  const here = links.findIndex((a) => a === document.activeElement || a.closest("tr")?.contains(document.activeElement) === true);
  const current = here >= 0 ? here : links.findIndex((a) => a.hasAttribute("aria-current"));
  const next = links[Math.min(links.length - 1, Math.max(0, current + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  if (next?.hasAttribute("hx-get")) next.click();
}

let going = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll<HTMLDetailsElement>("details.jt-menu[open], details.fd-step[open]")) {
      open.open = false;
      open.querySelector("summary")?.focus();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key;
  if (going && Date.now() - going < 1200) {
    going = 0;
    const link = document.querySelector<HTMLAnchorElement>(`a[data-go="${CSS.escape(key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (key === "g") going = Date.now();
  else if (key === "/") {
    event.preventDefault();
    openSearch();
  } else if (key === "?") help();
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "x") {
    const row = document.activeElement?.closest("tr, .fd-row");
    row?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
  }
});

// -- filters that answer at once

each<HTMLFormElement>("form[data-autosubmit]", (form) => {
  form.addEventListener("change", (event) => {
    if ((event.target as HTMLElement).matches("[type=search], [type=text]")) return;
    form.requestSubmit();
  });
  // empty fields stay out of the address
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) if (value === "") event.formData.delete(name);
  });
});

// -- ticking rows: data-check-all in the head, a bar [data-bulk] with [data-bulk-count] and [data-sum="name"]

each<HTMLElement>("table:has(tbody input[type=checkbox])", (table) => {
  const boxes = () => [...table.querySelectorAll<HTMLInputElement>("tbody input[type=checkbox]")];
  const all = table.querySelector<HTMLInputElement>("[data-check-all]");
  const scope = table.closest("form, section, .card") ?? document;
  const bar = scope.querySelector<HTMLElement>("[data-bulk]");
  const show = () => {
    const ticked = boxes().filter((b) => b.checked);
    for (const b of boxes()) b.closest("tr")?.classList.toggle("sel", b.checked);
    if (all) {
      all.checked = ticked.length > 0 && ticked.length === boxes().length;
      all.indeterminate = ticked.length > 0 && !all.checked;
    }
    if (!bar) return;
    bar.hidden = ticked.length === 0;
    const count = bar.querySelector("[data-bulk-count]");
    if (count) count.textContent = t("{n} ticked", { n: ticked.length });
    for (const place of bar.querySelectorAll<HTMLElement>("[data-sum]")) {
      const name = place.dataset.sum ?? "";
      const sum = ticked.reduce((n, b) => n + Number(b.closest("tr")?.getAttribute(`data-${name}`) ?? 0), 0);
      place.textContent = number(sum, Number(place.dataset.digits ?? 2));
    }
  };
  let last: HTMLInputElement | null = null;
  table.addEventListener("click", (event) => {
    const box = (event.target as Element).closest<HTMLInputElement>("tbody input[type=checkbox]");
    if (!box) return;
    if ((event as MouseEvent).shiftKey && last) {
      const list = boxes();
      const [a, b] = [list.indexOf(last), list.indexOf(box)].sort((x, y) => x - y) as [number, number];
      for (const between of list.slice(a, b + 1)) between.checked = box.checked;
    }
    last = box;
    show();
  });
  all?.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    show();
  });
  scope.querySelector("[data-bulk-clear]")?.addEventListener("click", () => {
    for (const box of boxes()) box.checked = false;
    show();
  });
  show();
});

// -- a dense table turned into cards on a phone says what each figure is

each<HTMLTableElement>("table.cards", (table) => {
  const heads = [...table.querySelectorAll("thead th")].map((th) => {
    const unit = th.querySelector(".u")?.textContent ?? "";
    return [th.textContent?.replace(unit, "").trim() ?? "", unit];
  });
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.children].forEach((cell, i) => {
      const [label, unit] = heads[i] ?? [];
      if (i === 0 || !label || cell.matches("[data-l], [data-u], .m-name, .m-hide, [colspan]")) return;
      cell.setAttribute("data-l", label);
      if (unit && /\d/.test(cell.textContent ?? "")) cell.setAttribute("data-u", unit);
    });
});

// -- widths that come from data: data-p="45" sets --p (a style attribute would break the content policy)

each<HTMLElement>("[data-p]", (e) => e.style.setProperty("--p", `${e.dataset.p}%`));

// -- findings: the opened row is marked, a phone shows one side at a time

each<HTMLElement>("[data-findings]", (split) => {
  const opened = () => /[0-9a-f]{8}-[0-9a-f-]{27}/.test(location.pathname);
  split.classList.toggle("detail", opened());
  const count = split.querySelector("[data-bulk-count]");
  split.addEventListener("change", () => {
    if (count) count.textContent = t("{n} ticked", { n: split.querySelectorAll(".fd-row > input:checked").length });
  });
  split.addEventListener("click", (event) => {
    const target = event.target as Element;
    const link = target.closest<HTMLElement>("[data-list] a[hx-get]");
    if (link) {
      for (const other of split.querySelectorAll("[data-list] a[aria-current]")) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      split.classList.add("detail");
      split.querySelector("#detail")?.scrollTo(0, 0);
    }
    if (target.closest(".fd-back")) {
      event.preventDefault();
      split.classList.remove("detail");
    }
  });
});

// -- unsaved input

const guarded = new Set<HTMLFormElement>();
each<HTMLFormElement>("form[data-guard]", (form) => {
  form.addEventListener("input", () => guarded.add(form));
});
window.addEventListener("beforeunload", (event) => {
  if ([...guarded].some((form) => form.isConnected)) event.preventDefault();
});

// -- choosing a file by dropping it

each<HTMLElement>(".jt-drop", (zone) => {
  const input = zone.querySelector<HTMLInputElement>("input[type=file]");
  const name = zone.querySelector("[data-file-name]");
  const over = (on: boolean) => (event: Event) => {
    event.preventDefault();
    zone.classList.toggle("over", on);
  };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    const files = (event as DragEvent).dataTransfer?.files;
    if (!input || !files?.length) return;
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  input?.addEventListener("change", () => {
    if (name) name.textContent = [...(input.files ?? [])].map((f) => f.name).join("、");
  });
});
