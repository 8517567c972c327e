// Drawing a parcel, measuring a length or an area. Loaded when a tool is first used.
import type { LineString, Polygon } from "geojson";
import type { Map as MapView } from "maplibre-gl";
import { TerraDraw, TerraDrawLineStringMode, TerraDrawPolygonMode, TerraDrawSelectMode } from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";
import { colour } from "./style";

export type DrawMode = "parcel" | "distance" | "area";

export interface DrawEvents {
  /** Called while and after drawing, with the shape as it stands. */
  changed(mode: DrawMode, shape: Polygon | LineString): void;
  /** Called when a shape is finished or a corner of it was moved. */
  finished(mode: DrawMode, shape: Polygon | LineString): void;
}

export class Drawing {
  private readonly draw: TerraDraw;
  private mode: DrawMode | null = null;
  private current: string | number | null = null;

  constructor(map: MapView, private readonly events: DrawEvents) {
    const line = colour("map-select") as `#${string}`;
    const white = colour("surface") as `#${string}`;
    const polygon = {
      fillColor: line,
      fillOpacity: 0.16,
      outlineColor: line,
      outlineWidth: 3,
      closingPointColor: white,
      closingPointOutlineColor: line,
      closingPointWidth: 4,
      closingPointOutlineWidth: 2,
    } as const;
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, prefixId: "td", coordinatePrecision: 10 }),
      modes: [
        new TerraDrawPolygonMode({ modeName: "polygon", styles: polygon, pointerDistance: 24 }),
        new TerraDrawLineStringMode({
          modeName: "line",
          pointerDistance: 24,
          styles: { lineStringColor: line, lineStringWidth: 3, closingPointColor: white, closingPointOutlineColor: line, closingPointWidth: 4, closingPointOutlineWidth: 2 },
        }),
        new TerraDrawSelectMode({
          modeName: "select",
          allowManualDeselection: false,
          keyEvents: { deselect: null, delete: "Delete", rotate: null, scale: null },
          flags: {
            polygon: { feature: { draggable: false, coordinates: { midpoints: true, draggable: true, deletable: true } } },
            line: { feature: { draggable: false, coordinates: { midpoints: true, draggable: true, deletable: true } } },
          },
          styles: {
            selectedPolygonColor: line,
            selectedPolygonFillOpacity: 0.16,
            selectedPolygonOutlineColor: line,
            selectedPolygonOutlineWidth: 3,
            selectedLineStringColor: line,
            selectedLineStringWidth: 3,
            selectionPointColor: white,
            selectionPointOutlineColor: line,
            selectionPointWidth: 5,
            selectionPointOutlineWidth: 2,
            midPointColor: line,
            midPointOutlineColor: white,
            midPointWidth: 3,
            midPointOutlineWidth: 1,
          },
        }),
      ],
    });
    this.draw.start();
    this.draw.on("change", (ids) => {
      const shape = this.shape(ids[0]);
      if (shape && this.mode) this.events.changed(this.mode, shape);
    });
    this.draw.on("finish", (id, { action }) => {
      if (!this.mode) return;
      const shape = this.shape(id);
      if (!shape) return;
      if (action === "draw") {
        this.current = id;
        // the next tick: Terra Draw is still inside its own click handler
        setTimeout(() => {
          this.draw.setMode("select");
          this.draw.selectFeature(id);
        });
      }
      this.events.finished(this.mode, shape);
    });
  }

  start(mode: DrawMode): void {
    this.clear();
    this.mode = mode;
    this.draw.setMode(mode === "distance" ? "line" : "polygon");
  }

  /** Forgets what is drawn and leaves the map to panning. */
  clear(): void {
    this.draw.clear();
    this.draw.setMode("static");
    this.current = null;
    this.mode = null;
  }

  get active(): boolean {
    return this.mode !== null && this.current === null;
  }

  private shape(id: string | number | undefined): Polygon | LineString | null {
    const wanted = id ?? this.current;
    const found = this.draw.getSnapshot().find((f) => f.id === wanted && f.properties.mode !== "select");
    const geometry = found?.geometry;
    return geometry?.type === "Polygon" || geometry?.type === "LineString" ? (geometry as Polygon | LineString) : null;
  }
}
