// Every map of the product: One Map, a register's rows, a record, the evidence of a finding. See README.md for the
// configuration. The server says what there is; this script draws it and brings back what the person points at.
import { addProtocol, setWorkerUrl } from "maplibre-gl";
import { data, each, el, place } from "./dom";
import type { MapConfig } from "./map/config";
import { layersOf } from "./map/config";
import { absolute } from "./map/style";
import { View } from "./map/view";
import { t } from "./words";

let workerIsSet = false;
let pmtilesIsSet = false;

async function prepare(config: MapConfig): Promise<void> {
  if (!workerIsSet) {
    setWorkerUrl(absolute(place("jt-map-worker")));
    workerIsSet = true;
  }
  if (!pmtilesIsSet && layersOf(config).some((l) => l.source.pmtiles)) {
    const { Protocol } = await import("pmtiles");
    addProtocol("pmtiles", new Protocol().tile);
    pmtilesIsSet = true;
  }
}

each<HTMLElement>("[data-map]", (box) => {
  const config = data<MapConfig>(box.dataset.map ?? "");
  if (!config) return;
  let map: View | null = null;
  let gone = false;
  void prepare(config).then(() => {
    if (gone) return;
    try {
      map = new View(box, config);
    } catch (error) {
      console.warn("map:", error);
      box.append(el("p", { class: "failed" }, t("The map needs WebGL, which this browser does not offer. Lists and figures work without it.")));
    }
  });
  return () => {
    gone = true;
    map?.remove();
  };
});
