// The time slider: every day on which a version came into force. The map follows the slider; play goes day by day.
import { el, icon } from "../dom";
import { t } from "../words";

export interface Day {
  date: string;
  title: string;
}

export interface Travel {
  /** The as-of date shown. */
  now(): string | undefined;
  /** Shows another day; ends when the map has drawn it. */
  go(date: string): Promise<void>;
  /** Opens the difference between two states. */
  difference?: () => void;
}

const DWELL = 900; // ms a state is shown when it is complete
const LABELLED = 8;

export class TimeBar {
  readonly element: HTMLElement;
  private readonly range = el("input", { type: "range", min: 0, step: 1, "aria-label": t("As of") });
  private readonly said = el("output", { class: "num nw" });
  private readonly play = el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost" });
  private readonly ticks = el("ol", { "aria-hidden": "true" });
  private playing = 0;

  constructor(
    private readonly days: Day[],
    private readonly travel: Travel,
  ) {
    this.range.max = String(days.length - 1);
    for (const [i, { title }] of days.entries()) {
      const at = days.length > 1 ? (100 * i) / (days.length - 1) : 0;
      const tick = el("li", {}, days.length <= LABELLED ? el("span", {}, title.length > 7 ? title.slice(0, 7) : title) : null);
      tick.style.left = `${at}%`;
      this.ticks.append(tick);
    }
    const step = (label: string, name: string, by: number) =>
      el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": label, title: label, onclick: () => this.step(by) }, icon(name, "i-16"));
    this.element = el(
      "div",
      { class: "jt-float om-time", role: "group", "aria-label": t("Time") },
      this.play,
      step(t("Earlier state"), "chevron-left", -1),
      el("div", { class: "track" }, this.range, this.ticks),
      step(t("Later state"), "chevron-right", 1),
      this.said,
      travel.difference
        ? el("button", { type: "button", class: "btn btn-sm", "data-map-difference": true, onclick: () => travel.difference?.() }, icon("git-compare", "i-16"), el("span", {}, t("Difference")))
        : null,
    );
    this.play.addEventListener("click", () => (this.playing ? this.stop() : void this.start()));
    this.range.addEventListener("input", () => this.say());
    this.range.addEventListener("change", () => {
      this.stop();
      void this.show();
    });
    this.stop();
    this.mark();
  }

  /** The latest day not after the one shown. */
  mark(): void {
    const now = this.travel.now() ?? "9999";
    let at = 0;
    this.days.forEach((d, i) => {
      if (d.date <= now) at = i;
    });
    this.range.value = String(at);
    this.say();
  }

  stop(): void {
    this.playing = 0;
    this.looks("player-play", t("Play"));
  }

  private get day(): Day {
    return this.days[Number(this.range.value)] as Day;
  }

  private say(): void {
    this.said.textContent = this.day.date;
    this.range.setAttribute("aria-valuetext", this.day.date);
    [...this.ticks.children].forEach((tick, i) => tick.classList.toggle("on", i === Number(this.range.value)));
  }

  private looks(name: string, label: string): void {
    this.play.replaceChildren(icon(name, "i-16"));
    this.play.setAttribute("aria-label", label);
    this.play.title = label;
    this.play.setAttribute("aria-pressed", String(Boolean(this.playing)));
  }

  private step(by: number): void {
    this.stop();
    const to = Math.min(this.days.length - 1, Math.max(0, Number(this.range.value) + by));
    if (to === Number(this.range.value)) return;
    this.range.value = String(to);
    void this.show();
  }

  private async show(): Promise<void> {
    this.say();
    await this.travel.go(this.day.date);
  }

  /** From here on, or from the beginning when the last day is shown. */
  private async start(): Promise<void> {
    const turn = (this.playing = Date.now());
    this.looks("player-pause", t("Pause"));
    const last = this.days.length - 1;
    let at = Number(this.range.value) >= last ? 0 : Number(this.range.value) + 1;
    for (; at <= last; at++) {
      this.range.value = String(at);
      await this.show();
      await new Promise((done) => setTimeout(done, DWELL));
      if (this.playing !== turn) return;
    }
    this.stop();
  }
}
