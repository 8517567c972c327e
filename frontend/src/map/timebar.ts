// The time bar: days on which a state came into force; choosing one shows the map as of that day.
import { el, icon } from "../dom";
import { t } from "../words";

export interface Day {
  date: string;
  title: string;
}

/** ``now`` gives the as-of date shown; ``travel`` goes to another one. */
export function timeBar(dates: Day[], now: () => string | undefined, travel: (date: string) => Promise<void>): HTMLElement {
  const list = el("ol");
  const mark = () => {
    // the latest date not after the as-of date is the one shown
    const shown = [...dates].reverse().find((d) => d.date <= (now() ?? "9999"))?.date;
    for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === shown));
  };
  for (const { date, title } of dates)
    list.append(el("li", {}, el("button", { type: "button", value: date, title: date, onclick: () => void travel(date).then(mark) }, title)));
  mark();
  const bar = el(
    "div",
    { class: "jt-float om-time", role: "group", "aria-label": t("As of") },
    el("span", { class: "fs12 t2 nw" }, icon("history", "i-16"), ` ${t("As of")}`),
    list,
  );
  requestAnimationFrame(() => (bar.scrollLeft = bar.scrollWidth));
  return bar;
}
