/** Tells of the layer that is appended, and of those of its base, as of one transfer. @module */
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** To whom the parts of the transfer tell what happens. */
export interface OnePlan {
  /** For the layer, which comes first: its plan is that of all. */
  layer: OnEvent;
  /** For the layers of the base: they are numbered behind the layer. */
  base: OnEvent;
}

/** @param base the layers of the base that are brought along, each once */
export function onePlan(onEvent: OnEvent | undefined, base: readonly Descriptor[]): OnePlan {
  const baseSize = base.reduce((sum, { size }) => sum + size, 0);
  return {
    layer(event) {
      if (event.type !== "plan") return onEvent?.(event);
      const size = event.size === undefined ? {} : { size: event.size + baseSize };
      onEvent?.({ type: "plan", blobs: 1 + base.length, ...size });
    },
    base(event) {
      if (event.type === "plan") return;
      onEvent?.(event.type === "blob" ? { ...event, index: 1 + event.index } : event);
    },
  };
}
