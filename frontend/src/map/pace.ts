// Where there is no graphics card the processor paints, and a frame costs by its pixels and its corners: there the picture
// is moved rather than painted while the map moves (`frames.ts`), what must be painted meanwhile is painted at half the
// resolution and without the thin lines around areas, and all is sharp again when it rests. So it goes, too, where a card
// turns out to take long.
import type { DataDrivenPropertyValueSpecification, Map as MapView } from "maplibre-gl";
import { Frames } from "./frames";

type Opacity = DataDrivenPropertyValueSpecification<number> | undefined;

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const COARSE = 0.5;
/** Layers that are left out while the map moves: they have the most corners and say the least. */
const FINE = /\|(edge|halo|case)$/;
/** So long after the last movement it is sharpened: longer than somebody takes from one press of a key to the next. */
const REST_MS = 300;

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
  private readonly frames: Frames;
  private isSlow: boolean;
  private isMoving = false;
  private coarse = false;
  private setting = false;
  private rest = 0;
  private coarsening = 0;
  private hidden = new Map<string, Opacity>();
  private size = "";

  constructor(private readonly map: MapView) {
    this.isSlow = isSoftware(rendererOf(map));
    this.frames = new Frames(map, this.isSlow, () => this.isMoving || !map.loaded(), () => (this.isSlow = true));
    this.isOfAnotherSize();
    map.on("movestart", () => this.isOfAnotherSize() || this.moving());
    map.on("moveend", () => this.resting());
    map.on("remove", () => {
      this.frames.remove();
      window.clearTimeout(this.rest);
      window.clearTimeout(this.coarsening);
    });
  }

  /** Whether what is shown is what there is to see. */
  get isSharp(): boolean {
    return !this.coarse && !this.frames.isOwed;
  }

  /** A panel beside it that opens makes a map smaller, which counts as a movement for it: one picture, none moved before. */
  private isOfAnotherSize(): boolean {
    const { width, height } = this.map.getCanvas().style;
    const before = this.size;
    this.size = `${width} ${height}`;
    return before !== this.size;
  }

  /** The sharp picture is moved at first; what is painted while it still moves is coarse. */
  private moving(): void {
    if (this.setting || !this.isSlow) return;
    window.clearTimeout(this.rest);
    if (this.isMoving) return;
    this.isMoving = true;
    this.coarsening = window.setTimeout(() => this.set(true), this.frames.rest());
  }

  private resting(): void {
    if (this.setting || !this.isMoving) return;
    window.clearTimeout(this.rest);
    this.rest = window.setTimeout(() => this.sharpen(), REST_MS);
  }

  private sharpen(): void {
    if (this.map.isMoving()) return this.resting(); // moved anew by something that said nothing of it
    window.clearTimeout(this.coarsening);
    this.isMoving = false;
    if (this.coarse) this.set(false);
    else this.map.triggerRepaint(); // and says that it is idle
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
