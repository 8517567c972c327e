// Where a picture takes long to paint, the one painted last is moved and scaled with the map, and painted anew now and
// then: the map follows the hand at once, and most of the time is left for what it waits for. Maps here are neither turned
// nor tilted, so that a picture moved and scaled is where it belongs to the pixel; what comes in from beyond its edge is
// the ground until the next one.
import type { Map as MapView, PointLike } from "maplibre-gl";

/** Pictures that are painted faster than that, in milliseconds, are painted whenever the map asks. */
export const SMOOTH_MS = 40;
/** After a picture its own time passes so often before the next one, so that painting takes a quarter of the time. */
const REST = 3;
/** A picture that covers less of the map than that is replaced after its own time once. */
const ENOUGH = 0.7;
/** Of the last so many pictures the fastest counts: one that waited for something else says nothing. */
const SAMPLES = 4;
/** What a picture is taken to cost where the processor paints and none was measured. */
const GUESS_MS = 120;

type Painter = { render: (...given: unknown[]) => void };

/** What pictures cost of late: the fastest of the last few. */
export class Cost {
  private readonly last: number[] = [];

  constructor(private readonly guess: number) {}

  add(ms: number): void {
    this.last.push(ms);
    if (this.last.length > SAMPLES) this.last.shift();
  }

  get ms(): number {
    return this.last.length < SAMPLES ? this.guess : Math.min(...this.last);
  }

  /** Milliseconds between the end of a picture and the begin of the next. */
  get pause(): number {
    return this.ms < SMOOTH_MS ? 0 : REST * this.ms;
  }
}

/** CSS that brings what was at two points of a picture to where they are now; none where it did not move. A picture that
 * only moved goes by whole pixels, ``ratio`` of them to one of CSS: it stays as crisp as it is. */
export function carried(from: readonly [Point, Point], to: readonly [Point, Point], ratio = 1): string {
  const scale = (to[1].x - to[0].x) / (from[1].x - from[0].x);
  const x = to[0].x - scale * from[0].x;
  const y = to[0].y - scale * from[0].y;
  if (Math.abs(scale - 1) > 1e-6) return `translate(${x}px, ${y}px) scale(${scale})`;
  const whole = (n: number) => Math.round(n * ratio) / ratio;
  return whole(x) || whole(y) ? `translate(${whole(x)}px, ${whole(y)}px)` : "";
}

/** The part of a view that a picture of its size covers, which went from where two points were to where they are. */
export function covering(from: readonly [Point, Point], to: readonly [Point, Point], width: number, height: number): number {
  const scale = (to[1].x - to[0].x) / (from[1].x - from[0].x);
  const side = (start: number, size: number) => Math.max(0, Math.min(size, start + scale * size) - Math.max(0, start)) / size;
  return side(to[0].x - scale * from[0].x, width) * side(to[0].y - scale * from[0].y, height);
}

interface Point {
  x: number;
  y: number;
}

interface Picture {
  width: number;
  height: number;
  /** CSS pixels. */
  view: readonly [number, number];
  at: readonly [Point, Point];
  places: readonly [ReturnType<MapView["unproject"]>, ReturnType<MapView["unproject"]>];
}

export class Frames {
  /** Whether the map has changed since what is shown was painted. */
  isOwed = false;
  private readonly cost: Cost;
  private readonly gl: WebGL2RenderingContext | null;
  private painted: Picture | null = null;
  private since = 0;
  private waiting = 0;

  /** ``mayWait``: whether something still moves or loads; ``slow``: called once when pictures turn out to take long. */
  constructor(
    private readonly map: MapView,
    private readonly isSoftware: boolean,
    private readonly mayWait: () => boolean,
    private readonly slow: () => void,
  ) {
    this.cost = new Cost(isSoftware ? GUESS_MS : 0);
    this.gl = map.getCanvas().getContext("webgl2");
    this.place();
    const { painter } = map as unknown as { painter: Painter };
    const render = painter.render;
    painter.render = (...given) => {
      if (this.isTooEarly()) return this.carry();
      render.apply(painter, given);
      this.keep();
    };
  }

  /** What is there is as good as painted now; after how many milliseconds it is not. */
  rest(): number {
    this.since = Math.max(this.since, performance.now());
    return this.cost.pause;
  }

  remove(): void {
    window.clearTimeout(this.waiting);
  }

  /** Where the mouse is MapLibre asks the canvas, which may be moved: its place is that of what it is moved in. There,
   * too, the mouse is heard where the ground shows. */
  private place(): void {
    const [canvas, around] = [this.map.getCanvas(), this.map.getCanvasContainer()];
    canvas.style.transformOrigin = "0 0";
    around.style.height = "100%";
    canvas.getBoundingClientRect = () => around.getBoundingClientRect();
  }

  private isTooEarly(): boolean {
    const { width, height } = this.map.getCanvas();
    return this.cost.pause > 0 && this.painted?.width === width && this.painted.height === height && this.mayWait() && this.left() > 0;
  }

  /** Milliseconds until the next picture is due. */
  private left(): number {
    const { at, view } = this.painted as Picture;
    const pause = covering(at, this.now(), ...view) < ENOUGH ? this.cost.pause / REST : this.cost.pause;
    return this.since + pause - performance.now();
  }

  /** Where the two points of the picture are now. */
  private now(): readonly [Point, Point] {
    const { places } = this.painted as Picture;
    return [this.map.project(places[0]), this.map.project(places[1])];
  }

  private carry(): void {
    const { at } = this.painted as Picture;
    this.map.getCanvas().style.transform = carried(at, this.now(), window.devicePixelRatio);
    this.isOwed = true;
    window.clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => this.map.triggerRepaint(), Math.max(0, this.left()));
  }

  private keep(): void {
    const canvas = this.map.getCanvas();
    const { width, height } = canvas;
    const [w, h] = [parseFloat(canvas.style.width), parseFloat(canvas.style.height)]; // what they are, without a layout
    canvas.style.transform = "";
    this.isOwed = false;
    const at = [{ x: w / 4, y: h / 4 }, { x: (3 * w) / 4, y: (3 * h) / 4 }] as const;
    const place = ({ x, y }: Point) => this.map.unproject([x, y] as PointLike);
    this.painted = { width, height, view: [w, h], at, places: [place(at[0]), place(at[1])] };
    this.since = performance.now();
    this.measure();
  }

  /** From now until the graphics have done all that was asked of them, as seen from frame to frame of the page. */
  private measure(): void {
    const { gl } = this;
    if (!this.isSoftware && !this.map.loaded()) return; // what loads keeps the page busy, too
    const done = gl?.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!gl || !done) return;
    const began = performance.now();
    const look = () => {
      if (gl.isContextLost()) return;
      if (gl.getSyncParameter(done, gl.SYNC_STATUS) !== gl.SIGNALED) return void requestAnimationFrame(look);
      gl.deleteSync(done);
      this.cost.add(performance.now() - began);
      this.since = performance.now();
      if (this.cost.pause) this.slow();
    };
    requestAnimationFrame(look);
  }
}
