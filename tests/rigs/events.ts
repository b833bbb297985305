/** Picks what a test wants to know out of the events of a call. @module */
import type { OnEvent } from "../../lib/events.ts";

/** Receives the number of bytes that a write sends; negative when they have to go out again. */
export function onSent(take: (bytes: number) => void): OnEvent {
  return (event) => {
    if (event.type === "progress" && event.phase === "send") take(event.bytes);
  };
}
