/** Frees what a change has replaced, when the change is complete. @module */
import type { FreeOptions, ManifestStore } from "./store.ts";

/**
 * Frees what these tags led to before they were put. A failure is an event and not an error, and the signal is ignored: the
 * change itself is complete. Freeing may fail on Windows, where a reader keeps a file open.
 */
export async function freeReplaced(
  store: ManifestStore,
  references: readonly string[],
  { onEvent = store.onEvent, ...options }: FreeOptions,
): Promise<void> {
  try {
    await store.free?.(references, { ...options, onEvent, signal: undefined });
  } catch (error) {
    const message = `what was replaced in ${store.name} still takes up space: ${(error as Error).message}`;
    onEvent?.({ type: "notice", message });
  }
}
