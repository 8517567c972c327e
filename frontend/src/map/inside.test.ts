import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { extent } from "./config";
import { inside } from "./inside";

describe("a position inside", () => {
  it("the middle of a square", () =>
    assert.deepEqual(inside({ type: "Polygon", coordinates: [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]] }), [1, 1]));
  it("is not in a hole", () => {
    const at = inside({
      type: "Polygon",
      coordinates: [
        [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]],
        [[4, 3], [6, 3], [6, 7], [4, 7], [4, 3]],
      ],
    });
    assert.ok(at && (at[0]! < 4 || at[0]! > 6));
  });
  it("is in the arm of a U, not between", () => {
    const at = inside({ type: "Polygon", coordinates: [[[0, 0], [9, 0], [9, 9], [6, 9], [6, 2], [3, 2], [3, 9], [0, 9], [0, 0]]] });
    assert.ok(at && (at[0]! <= 3 || at[0]! >= 6));
  });
  it("belongs to the largest part", () => {
    const at = inside({
      type: "MultiPolygon",
      coordinates: [[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]], [[[5, 5], [9, 5], [9, 9], [5, 9], [5, 5]]]],
    });
    assert.deepEqual(at, [7, 7]);
  });
  it("of nothing is nothing", () => {
    assert.equal(inside(null), null);
    assert.equal(inside({ type: "Polygon", coordinates: [] }), null);
    assert.equal(extent([null, { type: "MultiPolygon", coordinates: [] }]), null);
  });
  it("the extent goes over all shapes", () =>
    assert.deepEqual(extent([{ type: "Point", coordinates: [3, 4] }, null, { type: "LineString", coordinates: [[1, 9], [2, 5]] }]), [1, 4, 3, 9]));
});
