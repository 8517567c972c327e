// Where there is no graphics card the processor paints, and a frame costs by its pixels: there a map is drawn at half its
// resolution while it moves or loads, and sharpened when it rests.
import type { Map as MapView } from "maplibre-gl";

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const COARSE = 0.5;
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

export class Pace {
  private coarse = false;
  private setting = false;
  private rest = 0;

  constructor(private readonly map: MapView) {
    if (!isSoftware(rendererOf(map))) return;
    this.set(true);
    map.once("idle", () => this.sharpen());
    map.on("movestart", () => {
      window.clearTimeout(this.rest);
      this.set(true);
    });
    map.on("moveend", () => {
      if (!this.coarse || this.setting) return;
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => this.sharpen(), REST_MS);
    });
    map.on("remove", () => window.clearTimeout(this.rest));
  }

  /** Whether what is shown is what there is to see. */
  get isSharp(): boolean {
    return !this.coarse;
  }

  private sharpen(): void {
    if (!this.map.isMoving()) this.set(false);
  }

  /** Another resolution counts as a movement for the map, which tells of it: `setting` knows those. */
  private set(coarse: boolean): void {
    if (coarse === this.coarse || this.setting) return;
    this.setting = true;
    this.coarse = coarse;
    this.map.setPixelRatio(window.devicePixelRatio * (coarse ? COARSE : 1));
    this.setting = false;
  }
}
