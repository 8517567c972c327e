import assert from "node:assert/strict";
import { test } from "node:test";
import { stacked } from "./order";

const ids = (layers: [string, string][]): string[] => stacked(layers.map(([id, type]) => ({ id, type }))).map((l) => l.id);

test("a boundary lies over land use though its layer is below it in the tree", () => {
  const drawn: [string, string][] = [
    ["XZQ|line", "line"],
    ["XZQ|label", "symbol"],
    ["DLTB|fill", "fill"],
    ["DLTB|edge", "line"],
    ["LXDW|circle", "circle"],
    ["XZDW|line", "line"],
  ];
  assert.deepEqual(ids(drawn), ["DLTB|fill", "DLTB|edge", "XZQ|line", "XZDW|line", "LXDW|circle", "XZQ|label"]);
});

test("pictures lie under everything, of one kind the order stays", () => {
  const drawn: [string, string][] = [
    ["a|fill", "fill"],
    ["b|raster", "raster"],
    ["b|fill", "fill"],
    ["c|fill", "fill"],
  ];
  assert.deepEqual(ids(drawn), ["b|raster", "a|fill", "b|fill", "c|fill"]);
});
