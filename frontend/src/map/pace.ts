// Where there is no graphics card the processor paints, and a frame costs by its pixels and its corners: there a map is
// drawn at half its resolution and without the thin lines around areas while it moves or loads, and sharpened when it rests.
import type { DataDrivenPropertyValueSpecification, Map as MapView } from "maplibre-gl";

type Opacity = DataDrivenPropertyValueSpecification<number> | undefined;

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const COARSE = 0.5;
/** Layers that are left out while the map moves: they have the most corners and say the least. */
const FINE = /\|(edge|halo|case)$/;
/** So long after the last movement it is sharpened: longer than somebody takes from one press of a key to the next. */
const REST_MS = 450;

/** Whether the processor draws a canvas, by what the browser says of its graphics. */
export function isSoftware(renderer: string): boolean {
  return SOFTWARE.test(renderer);
}

function rendererOf(map: MapView): string {
  const gl = map.getCanvas().getContext("webgl2");
  const more = gl?.getExtension("WEBGL_debug_renderer_info");
  return String(gl?.getParameter(more?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) ?? "");
}

/**
 * A map of another resolution stops, and lets go of what hangs on the mouse or lies under fingers: a drag would end where
 * it began, and count as a click. Its size is what it was, so there is nothing to stop for.
 */
function unstopped(map: MapView, work: () => void): void {
  map.stop = () => map;
  try {
    work();
  } finally {
    delete (map as Partial<MapView>).stop; // that of all maps again
  }
}

export class Pace {
  private coarse = false;
  private setting = false;
  private rest = 0;
  private hidden = new Map<string, Opacity>();
  private size = "";

  constructor(private readonly map: MapView) {
    if (!isSoftware(rendererOf(map))) return;
    this.isOfAnotherSize();
    this.set(true);
    map.once("idle", () => this.resting(0)); // not at once: within its frame the picture just painted would be wiped
    map.on("movestart", () => this.isOfAnotherSize() || this.moving());
    map.on("moveend", () => this.resting());
    map.on("remove", () => window.clearTimeout(this.rest));
  }

  /** Whether what is shown is what there is to see. */
  get isSharp(): boolean {
    return !this.coarse;
  }

  /** A panel beside it that opens makes a map smaller, which counts as a movement for it: one picture, none coarse before. */
  private isOfAnotherSize(): boolean {
    const { width, height } = this.map.getCanvas().style;
    const before = this.size;
    this.size = `${width} ${height}`;
    return before !== this.size;
  }

  private moving(): void {
    window.clearTimeout(this.rest);
    this.set(true);
  }

  private resting(after = REST_MS): void {
    if (!this.coarse || this.setting) return;
    window.clearTimeout(this.rest);
    this.rest = window.setTimeout(() => this.sharpen(), after);
  }

  private sharpen(): void {
    if (!this.map.isMoving()) this.set(false);
  }

  /** Another resolution counts as a movement for the map, which tells of it: `setting` knows those. */
  private set(coarse: boolean): void {
    if (coarse === this.coarse || this.setting) return;
    this.setting = true;
    this.coarse = coarse;
    unstopped(this.map, () => this.map.setPixelRatio(window.devicePixelRatio * (coarse ? COARSE : 1)));
    if (coarse) this.hide();
    else this.show();
    this.setting = false;
  }

  /** A line of no opacity is not drawn at all, and is there again without its tiles being made anew. */
  private hide(): void {
    for (const id of this.map.getLayersOrder()) {
      if (!FINE.test(id) || this.map.getLayer(id)?.type !== "line") continue;
      this.hidden.set(id, this.map.getPaintProperty(id, "line-opacity") as Opacity);
      this.map.setPaintProperty(id, "line-opacity", 0);
    }
  }

  /** A style set meanwhile has its own opacity again. */
  private show(): void {
    for (const [id, opacity] of this.hidden)
      if (this.map.getLayer(id) && this.map.getPaintProperty(id, "line-opacity") === 0) this.map.setPaintProperty(id, "line-opacity", opacity);
    this.hidden.clear();
  }
}
