// A position inside a shape, for its label.
import type { Geometry, Position } from "geojson";

/**
 * The middle of the widest horizontal cut through the middle of the largest polygon; the middle of a line; null for
 * nothing. Holes and bays are respected, because the cut is taken with all rings.
 */
export function inside(shape: Geometry | null): Position | null {
  if (!shape) return null;
  switch (shape.type) {
    case "Point":
      return shape.coordinates;
    case "MultiPoint":
    case "LineString":
      return shape.coordinates[Math.floor(shape.coordinates.length / 2)] ?? null;
    case "MultiLineString":
      return inside({ type: "LineString", coordinates: shape.coordinates[0] ?? [] });
    case "Polygon":
      return cut(shape.coordinates);
    case "MultiPolygon": {
      const largest = [...shape.coordinates].sort((a, b) => spread(b) - spread(a))[0];
      return largest ? cut(largest) : null;
    }
    case "GeometryCollection":
      return inside(shape.geometries[0] ?? null);
  }
}

function spread(rings: Position[][]): number {
  const xs = (rings[0] ?? []).map((p) => p[0] as number);
  const ys = (rings[0] ?? []).map((p) => p[1] as number);
  return (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys));
}

function cut(rings: Position[][]): Position | null {
  const ys = (rings[0] ?? []).map((p) => p[1] as number);
  if (!ys.length) return null;
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  let best: { width: number; at: Position } | null = null;
  // the middle first; a cut through a vertex or a waist gives way to a wider one beside it
  for (const part of [0.5, 0.43, 0.57, 0.35, 0.65]) {
    const y = low + (high - low) * part;
    const xs: number[] = [];
    for (const ring of rings)
      for (let i = 0; i < ring.length; i++) {
        const [x0, y0] = ring[i] as [number, number];
        const [x1, y1] = ring[(i + 1) % ring.length] as [number, number];
        if (y0 <= y !== y1 <= y) xs.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
      }
    xs.sort((a, b) => a - b);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const [a, b] = [xs[i] as number, xs[i + 1] as number];
      if (!best || b - a > best.width * 1.3) best = { width: b - a, at: [(a + b) / 2, y] };
    }
  }
  return best?.at ?? (rings[0]?.[0] as Position);
}
