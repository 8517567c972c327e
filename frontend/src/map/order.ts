// What lies over what: pictures, then areas, lines, points, and names on top, whatever order the layers have in the tree.

/** The part of a MapLibre layer that says where it belongs; its id is `<layer>|<part>`. */
interface Drawn {
  id: string;
  type: string;
}

const RANKS: Record<string, number> = { background: 0, raster: 0, fill: 1, line: 2, circle: 3, symbol: 4 };

/** The outline of every patch belongs to its fill: above it a boundary that runs along patches would be hidden. */
function rank(layer: Drawn): number {
  return layer.id.endsWith("|edge") ? 1 : (RANKS[layer.type] ?? 2);
}

/** The layers, those drawn last (on top) last; of one kind they keep the order they came in. */
export function stacked<L extends Drawn>(layers: readonly L[]): L[] {
  return [...layers].sort((a, b) => rank(a) - rank(b));
}
