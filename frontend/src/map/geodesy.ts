// Lengths and areas on the CGCS2000 ellipsoid, as the server reckons them: areas by the authalic area function along
// edges straight in longitude and latitude, lengths by Vincenty's inverse solution.
import type { Position } from "geojson";

const A = 6378137;
const F = 1 / 298.257222101;
const E2 = F * (2 - F);
const E = Math.sqrt(E2);
const B = A * (1 - F);
const RAD = Math.PI / 180;

/** Area in m² between the equator and latitude `phi` (radians), per radian of longitude. */
function band(phi: number): number {
  const s = Math.sin(phi);
  return ((A * A) / 2) * (1 - E2) * (s / (1 - E2 * s * s) + Math.atanh(E * s) / E);
}

// Gauss–Legendre on [0, 1], five points: exact to far below a square millimetre for edges of a parcel
const NODES: [number, number][] = [
  [0.04691007703066802, 0.11846344252809454],
  [0.23076534494715845, 0.23931433524968324],
  [0.5, 0.28444444444444444],
  [0.7692346550528415, 0.23931433524968324],
  [0.9530899229693319, 0.11846344252809454],
];

/** Signed area of a ring in m², positive counter-clockwise. The ring may be closed or not. */
export function ringArea(ring: Position[]): number {
  const origin = (ring[0]?.[1] ?? 0) * RAD;
  const base = band(origin); // taken off every edge, so that large numbers do not cancel
  let sum = 0;
  for (let i = 0; i < ring.length; i++) {
    const [x0, y0] = ring[i] as [number, number];
    const [x1, y1] = ring[(i + 1) % ring.length] as [number, number];
    if (x0 === x1) continue;
    let mean = 0;
    for (const [at, weight] of NODES) mean += weight * (band((y0 + (y1 - y0) * at) * RAD) - base);
    sum -= (x1 - x0) * RAD * mean;
  }
  return sum;
}

/** Area of a polygon in m²: shell less holes. */
export function polygonArea(rings: Position[][]): number {
  const [shell, ...holes] = rings.map((ring) => Math.abs(ringArea(ring)));
  return (shell ?? 0) - holes.reduce((n, hole) => n + hole, 0);
}

/** Length of the geodesic between two positions in m. */
export function distance([lon1 = 0, lat1 = 0]: Position, [lon2 = 0, lat2 = 0]: Position): number {
  const L = (lon2 - lon1) * RAD;
  const u1 = Math.atan((1 - F) * Math.tan(lat1 * RAD));
  const u2 = Math.atan((1 - F) * Math.tan(lat2 * RAD));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  let lambda = L;
  for (let turn = 0; turn < 100; turn++) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
    const sinS = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinS === 0) return 0;
    const cosS = s1 * s2 + c1 * c2 * cl;
    const sigma = Math.atan2(sinS, cosS);
    const sinA = (c1 * c2 * sl) / sinS;
    const cos2A = 1 - sinA * sinA;
    const cosM = cos2A ? cosS - (2 * s1 * s2) / cos2A : 0;
    const C = (F / 16) * cos2A * (4 + F * (4 - 3 * cos2A));
    const before = lambda;
    lambda = L + (1 - C) * F * sinA * (sigma + C * sinS * (cosM + C * cosS * (2 * cosM * cosM - 1)));
    if (Math.abs(lambda - before) > 1e-12) continue;
    const k = (cos2A * (A * A - B * B)) / (B * B);
    const a = 1 + (k / 16384) * (4096 + k * (-768 + k * (320 - 175 * k)));
    const b = (k / 1024) * (256 + k * (-128 + k * (74 - 47 * k)));
    const c = cosM + (b / 4) * (cosS * (2 * cosM * cosM - 1) - (b / 6) * cosM * (4 * sinS * sinS - 3) * (4 * cosM * cosM - 3));
    return B * a * (sigma - b * sinS * c);
  }
  return NaN; // nearly antipodal: nobody measures that on a county map
}

/** Length of a line in m. */
export function lineLength(line: Position[]): number {
  return line.slice(1).reduce((sum, p, i) => sum + distance(line[i] as Position, p), 0);
}

/** 118°42′36.2″ */
export function dms(degrees: number): string {
  const tenths = Math.round(Math.abs(degrees) * 36000);
  const [d, m, s] = [Math.floor(tenths / 36000), Math.floor((tenths % 36000) / 600), (tenths % 600) / 10];
  return `${d}°${String(m).padStart(2, "0")}′${s.toFixed(1).padStart(4, "0")}″`;
}

/** The largest of 1, 2, 5 × 10ⁿ that is not above `limit`. */
export function niceBelow(limit: number): number {
  const power = 10 ** Math.floor(Math.log10(limit));
  return [5, 2, 1].map((n) => n * power).find((n) => n <= limit) ?? power;
}
