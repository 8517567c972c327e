// Charts on design tokens. A page gives the figures in a json_script (see README.md); a click opens the rows behind one.
import { BarChart, LineChart, SankeyChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { data, each, el, token } from "./dom";
import { number, t } from "./words";

use([BarChart, LineChart, SankeyChart, GridComponent, TooltipComponent, LegendComponent, CanvasRenderer]);

interface Datum {
  value: number;
  n?: number;
  url?: string;
}
interface Series {
  name: string;
  severity?: "red" | "orange" | "yellow" | "blue";
  data: (Datum | number)[];
}
interface Flow {
  source: string;
  target: string;
  value: number;
  url?: string;
}
interface ChartData {
  kind?: "bar" | "line" | "severity-bar" | "funnel" | "spark" | "sankey";
  unit?: string;
  categories: string[];
  partial?: string;
  stack?: boolean;
  series: Series[];
  nodes?: { id: string; name: string; token?: string }[];
  links?: Flow[];
}

const SERIES = ["c1", "c2", "c3", "c4", "c5", "c6"];
const datum = (d: Datum | number): Datum => (typeof d === "number" ? { value: d } : d);

/** As many digits as tell the values apart: areas under 10 ha keep two, large ones none. */
function digits(values: number[]): number {
  const most = Math.max(0, ...values.map(Math.abs));
  if (values.every(Number.isInteger)) return 0;
  return most < 10 ? 2 : most < 1000 ? 1 : 0;
}

function paint(series: Series, i: number): string {
  return token(series.severity ? `${series.severity}-solid` : (SERIES[i % SERIES.length] as string));
}

function options(chart: ChartData): EChartsCoreOption {
  const text = token("text-2");
  const line = token("line");
  const font = { fontFamily: token("font"), fontSize: 12, color: text };
  if (chart.kind === "sankey") return sankey(chart);
  const values = chart.series.flatMap((s) => s.data.map((d) => datum(d).value));
  const places = digits(values);
  const unit = chart.unit ? ` ${chart.unit}` : "";
  const tooltip = {
    renderMode: "richText", // HTML tooltips carry style attributes, which the content policy forbids
    trigger: "axis",
    axisPointer: { type: "shadow", shadowStyle: { color: token("hover"), opacity: 0.6 } },
    backgroundColor: token("raised"),
    borderColor: line,
    textStyle: { ...font, color: token("text") },
    confine: true,
  };
  const base: EChartsCoreOption = { animation: false, textStyle: font };
  if (chart.kind === "spark") return { ...base, ...spark(chart) };
  if (chart.kind === "funnel") return { ...base, tooltip: { show: false }, ...funnel(chart, places, unit) };
  const flat = chart.kind === "severity-bar";
  const stacked = flat || chart.stack;
  const category = {
    type: "category",
    data: chart.categories,
    inverse: flat,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: token("line-strong") }, show: !flat },
    axisLabel: { ...font, ...(flat ? { width: 150, overflow: "truncate" } : { hideOverlap: true }) },
  };
  const value = {
    type: "value",
    minInterval: places === 0 ? 1 : 0,
    splitNumber: 4,
    splitLine: { lineStyle: { color: line, type: [2, 3] } },
    axisLabel: flat ? { show: false } : { ...font, formatter: (v: number) => number(v, Number.isInteger(v) ? 0 : 1) },
    ...(flat ? { splitLine: { show: false } } : {}),
  };
  const partial = chart.partial ? chart.categories.indexOf(chart.partial) : -1;
  const totals = chart.categories.map((_, i) => chart.series.reduce((n, s) => n + datum(s.data[i] ?? 0).value, 0));
  const last = chart.series.length - 1;
  const series = chart.series.map((s, i) => ({
    name: s.name,
    type: chart.kind === "line" ? "line" : "bar",
    stack: stacked ? "all" : undefined,
    barMaxWidth: flat ? 14 : 18,
    barGap: "12%",
    barCategoryGap: flat ? "45%" : "38%",
    cursor: s.data.some((d) => datum(d).url) ? "pointer" : "default",
    symbolSize: 6,
    color: paint(s, i),
    itemStyle: { borderColor: token("surface"), borderWidth: stacked ? 1 : 0 },
    emphasis: { focus: "none", itemStyle: { opacity: 1 } },
    label:
      flat && i === last
        ? { show: true, position: "right", ...font, color: token("text"), fontWeight: 600, formatter: ({ dataIndex }: { dataIndex: number }) => number(totals[dataIndex] ?? 0, places) }
        : undefined,
    // the unfinished period is pale
    data: s.data.map((d, at) => ({ ...datum(d), itemStyle: at === partial ? { opacity: 0.5 } : undefined })),
  }));
  return {
    ...base,
    grid: { left: 4, right: flat ? 44 : 8, top: chart.series.length > 1 ? 34 : 12, bottom: 4, containLabel: true },
    legend: chart.series.length > 1 ? { show: true, top: 0, right: 0, itemWidth: 12, itemHeight: 10, itemGap: 14, textStyle: font, icon: "rect", selectedMode: true } : { show: false },
    tooltip: { ...tooltip, formatter: (items: unknown) => words(chart, items as { dataIndex: number }[], places, unit, totals, Boolean(stacked)) },
    xAxis: flat ? value : category,
    yAxis: flat ? category : value,
    series,
  };
}

function words(chart: ChartData, items: { dataIndex: number }[], places: number, unit: string, totals: number[], stacked: boolean): string {
  const at = items[0]?.dataIndex ?? 0;
  const head = `${chart.categories[at] ?? ""}${chart.categories[at] === chart.partial ? ` (${t("so far")})` : ""}`;
  const lines = chart.series
    .map((s) => [s.name, datum(s.data[at] ?? 0)] as const)
    .filter(([, d]) => !stacked || d.value)
    .map(([name, d]) => `${name}  ${number(d.value, places)}${unit}${d.n !== undefined ? `  ${number(d.n)} ${t("rows")}` : ""}`);
  if (stacked && chart.series.length > 1) lines.push(`${t("total")}  ${number(totals[at] ?? 0, places)}${unit}`);
  return [head, ...lines].join("\n");
}

function spark(chart: ChartData): EChartsCoreOption {
  const values = (chart.series[0]?.data ?? []).map((d) => datum(d).value);
  return {
    tooltip: { show: false },
    grid: { left: 2, right: 4, top: 4, bottom: 4 },
    xAxis: { type: "category", show: false, data: chart.categories, boundaryGap: false },
    yAxis: { type: "value", show: false, min: "dataMin", max: "dataMax" },
    series: [
      {
        type: "line",
        silent: true,
        showSymbol: false,
        lineStyle: { color: token("accent"), width: 1.5 },
        data: values.map((value, i) => ({ value, symbol: i === values.length - 1 ? "circle" : "none", symbolSize: 5, itemStyle: { color: token("accent") } })),
      },
    ],
  };
}

/** Steps that each keep part of the one before, as bars with their share of the first. */
function funnel(chart: ChartData, places: number, unit: string): EChartsCoreOption {
  const steps = (chart.series[0]?.data ?? []).map(datum);
  const first = steps[0]?.value ?? 0;
  const font = { fontFamily: token("font"), fontSize: 12, color: token("text") };
  const percent = (v: number) => (first ? `${number((100 * v) / first, 1)} %` : "");
  return {
    grid: { left: 4, right: 150, top: 4, bottom: 4, containLabel: true },
    xAxis: { type: "value", show: false, max: first || undefined },
    yAxis: { type: "category", inverse: true, data: chart.categories, axisLine: { show: false }, axisTick: { show: false }, axisLabel: { ...font, color: token("text-2") } },
    series: [
      {
        type: "bar",
        barMaxWidth: 26,
        barCategoryGap: "32%",
        showBackground: true,
        backgroundStyle: { color: token("sunken") },
        color: token("accent"),
        cursor: steps.some((d) => d.url) ? "pointer" : "default",
        label: { show: true, position: "right", ...font, formatter: ({ value }: { value: number }) => `${number(value, places)}${unit}   ${percent(value)}` },
        // paler step by step; by the colour, because opacity would fade the label too
        data: steps.map((d, i) => ({ ...d, itemStyle: { color: `${token("accent")}${["", "d6", "ad", "85"][Math.min(i, 3)]}` } })),
      },
    ],
  };
}

/** Bands from what was to what became of it, in the hues of the map. */
function sankey(chart: ChartData): EChartsCoreOption {
  const font = { fontFamily: token("font"), fontSize: 12, color: token("text") };
  const unit = chart.unit ? ` ${chart.unit}` : "";
  const named = new Map((chart.nodes ?? []).map((n) => [n.id, n.name]));
  const links = chart.links ?? [];
  const places = 2;
  const through = (id: string) => links.reduce((sum, l) => sum + (l.source === id || l.target === id ? l.value : 0), 0);
  return {
    animation: false,
    textStyle: font,
    tooltip: {
      renderMode: "richText",
      trigger: "item",
      backgroundColor: token("raised"),
      borderColor: token("line"),
      textStyle: font,
      confine: true,
      formatter: ({ data: d }: { data: Partial<Flow> & { name?: string } }) =>
        d.source && d.target
          ? `${named.get(d.source) ?? ""} → ${named.get(d.target) ?? ""}\n${number(d.value ?? 0, places)}${unit}`
          : `${named.get(d.name ?? "") ?? ""}\n${number(through(d.name ?? ""), places)}${unit}`,
    },
    series: [
      {
        type: "sankey",
        left: 4,
        right: 150,
        top: 8,
        bottom: 8,
        nodeWidth: 12,
        nodeGap: 10,
        draggable: false,
        emphasis: { focus: "adjacency" },
        lineStyle: { color: "gradient", opacity: 0.45 },
        label: { ...font, formatter: ({ name }: { name: string }) => named.get(name) ?? "" },
        data: (chart.nodes ?? []).map((n) => ({ name: n.id, itemStyle: { color: token(n.token || "accent"), borderColor: token("line-strong"), borderWidth: 0.5 } })),
        links: links.map((l) => ({ ...l })),
      },
    ],
  };
}

/** The flows of a sankey as a table. */
function flows(chart: ChartData, title: string): HTMLElement {
  const named = new Map((chart.nodes ?? []).map((n) => [n.id, n.name]));
  const rows = (chart.links ?? []).map((l) => {
    const value = number(l.value, 2);
    return el("tr", {}, el("th", {}, `${named.get(l.source) ?? ""} → ${named.get(l.target) ?? ""}`), el("td", {}, l.url ? el("a", { href: l.url, tabindex: "-1" }, value) : value));
  });
  const caption = el("caption", {}, `${title}${chart.unit ? ` (${chart.unit})` : ""}`);
  return el("div", { class: "jt-sr" }, el("table", {}, caption, el("tbody", {}, ...rows)));
}

/** The same figures as a table, for people who hear the page; its links are the drill-down by keyboard. */
function table(chart: ChartData, title: string): HTMLElement {
  const places = digits(chart.series.flatMap((s) => s.data.map((d) => datum(d).value)));
  const cell = (d: Datum) => el("td", {}, d.url ? el("a", { href: d.url, tabindex: "-1" }, number(d.value, places)) : number(d.value, places));
  const figures = el(
    "table",
    {},
    el("caption", {}, `${title}${chart.unit ? ` (${chart.unit})` : ""}`),
    el("thead", {}, el("tr", {}, el("th", {}), ...chart.series.map((s) => el("th", {}, s.name)))),
    el("tbody", {}, ...chart.categories.map((name, i) => el("tr", {}, el("th", {}, name), ...chart.series.map((s) => cell(datum(s.data[i] ?? 0)))))),
  );
  return el("div", { class: "jt-sr" }, figures);
}

function height(chart: ChartData): number | null {
  if (chart.kind === "funnel") return 16 + 40 * chart.categories.length;
  if (chart.kind === "sankey") return Math.min(620, 120 + 28 * (chart.nodes?.length ?? 0));
  return chart.kind === "severity-bar" ? 40 + 28 * chart.categories.length : null;
}

each<HTMLElement>("[data-chart]", (place) => {
  const chart = data<ChartData>(place.dataset.chart ?? "");
  if (!chart) return;
  const own = height(chart);
  if (own) place.style.height = `${own}px`;
  let drawn: ECharts | null = null;
  const draw = () => {
    drawn?.dispose();
    drawn = init(place, null, { renderer: "canvas" });
    drawn.setOption(options(chart));
    drawn.on("click", ({ data: d }: { data?: unknown }) => {
      const url = (d as Datum | undefined)?.url;
      if (url) location.assign(url);
    });
  };
  draw();
  if (chart.kind !== "spark") place.after((chart.kind === "sankey" ? flows : table)(chart, place.getAttribute("aria-label") ?? ""));
  const resized = new ResizeObserver(() => drawn?.resize());
  resized.observe(place);
  document.addEventListener("jt:theme", draw);
  return () => {
    resized.disconnect();
    document.removeEventListener("jt:theme", draw);
    drawn?.dispose();
  };
});
