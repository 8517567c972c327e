import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { distance, dms, lineLength, niceBelow, polygonArea, ringArea } from "./geodesy";

const near = (got: number, wanted: number, relative: number) =>
  assert.ok(Math.abs(got - wanted) <= relative * Math.abs(wanted), `${got} is not ${wanted}`);

describe("areas", () => {
  const cell = (lon: number, lat: number, size: number): [number, number][] => [
    [lon, lat],
    [lon + size, lat],
    [lon + size, lat + size],
    [lon, lat + size],
    [lon, lat],
  ];
  it("a one-degree cell at 36° N is what the zone formula gives", () => {
    // PROJ geod on GRS80, with both parallels cut into 20 000 pieces
    near(ringArea(cell(118, 36, 1)), 9_941_644_196.75, 1e-9);
  });
  it("the whole ellipsoid is two hemispheres", () => {
    const half = ringArea([[-180, 0], [180, 0], [180, 90], [-180, 90]]);
    near(2 * half, 510_065_621_718_491, 1e-9);
  });
  it("turning a ring round changes the sign only", () => {
    const ring = cell(118.7, 36.25, 0.01);
    assert.equal(ringArea([...ring].reverse()), -ringArea(ring));
  });
  it("a hole is taken off", () => {
    const outer = cell(118.7, 36.25, 0.01);
    const hole = cell(118.702, 36.252, 0.002);
    near(polygonArea([outer, hole]), Math.abs(ringArea(outer)) - Math.abs(ringArea(hole)), 1e-12);
  });
  it("an open ring is closed", () => {
    const ring = cell(118.7, 36.25, 0.01);
    near(ringArea(ring.slice(0, -1)), ringArea(ring), 1e-12);
  });
  it("a line has no area", () => assert.equal(ringArea([[118, 36], [119, 37]]), 0));
});

describe("lengths", () => {
  it("a degree of the equator", () => near(distance([118, 0], [119, 0]), (Math.PI / 180) * 6378137, 1e-12));
  it("a long geodesic as PROJ has it", () => near(distance([118.7, 36.2], [120.1, 30.3]), 667_217.869839921, 1e-10));
  it("nothing from a place to itself", () => assert.equal(distance([118.7, 36.2], [118.7, 36.2]), 0));
  it("a line is the sum of its parts", () => {
    const [a, b, c] = [[118, 36], [118.01, 36], [118.01, 36.01]] as [number, number][];
    near(lineLength([a!, b!, c!]), distance(a!, b!) + distance(b!, c!), 1e-15);
  });
});

describe("words", () => {
  it("degrees carry over", () => {
    assert.equal(dms(118.71005), "118°42′36.2″");
    assert.equal(dms(35.99999999), "36°00′00.0″");
  });
  it("round scale lengths", () => assert.deepEqual([7, 49, 50, 1999, 0.3].map(niceBelow), [5, 20, 50, 1000, 0.2]));
});
