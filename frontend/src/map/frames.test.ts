import assert from "node:assert/strict";
import { test } from "node:test";
import { Cost, SMOOTH_MS, carried, covering } from "./frames";

const from = [{ x: 100, y: 100 }, { x: 300, y: 200 }] as const;

test("a picture that did not move stays", () => {
  assert.equal(carried(from, from), "");
  assert.equal(carried(from, [{ x: 100.2, y: 99.9 }, { x: 300.2, y: 199.9 }]), "");
});

test("a picture goes with the map by whole pixels", () => {
  const to = [{ x: 80.4, y: 130 }, { x: 280.4, y: 230 }] as const;
  assert.equal(carried(from, to), "translate(-20px, 30px)");
  assert.equal(carried(from, to, 2), "translate(-19.5px, 30px)");
});

test("a picture grows around what stays in place", () => {
  // twice as large around (100, 100): CSS scales around the corner, then moves
  assert.equal(carried(from, [{ x: 100, y: 100 }, { x: 500, y: 300 }]), "translate(-100px, -100px) scale(2)");
});

test("what a picture covers when it has moved or shrunk", () => {
  assert.equal(covering(from, from, 400, 300), 1);
  assert.equal(covering(from, [{ x: 0, y: 100 }, { x: 200, y: 200 }], 400, 300), 0.75);
  assert.equal(covering(from, [{ x: 150, y: 125 }, { x: 250, y: 175 }], 400, 300), 0.25);
  assert.equal(covering(from, [{ x: 500, y: 100 }, { x: 700, y: 200 }], 400, 300), 0);
});

test("pictures that are painted quickly follow one another without a pause", () => {
  const cost = new Cost(0);
  for (const ms of [8, 16, SMOOTH_MS - 1, 90]) cost.add(ms);
  assert.equal(cost.pause, 0);
});

test("one slow picture among quick ones says nothing, four in a row do", () => {
  const cost = new Cost(0);
  for (const ms of [10, 400, 10, 400, 400, 400]) cost.add(ms);
  assert.equal(cost.pause, 0);
  cost.add(200);
  assert.equal(cost.ms, 200);
  assert.equal(cost.pause, 600);
});

test("before four pictures were measured the guess holds", () => {
  const cost = new Cost(120);
  cost.add(5);
  assert.equal(cost.pause, 360);
  for (let i = 0; i < 3; i++) cost.add(5);
  assert.equal(cost.pause, 0);
});
