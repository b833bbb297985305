/** Frees what a change has replaced or removed, when the change is complete. @module */
import type { FreeOptions, ManifestStore } from "./store.ts";

/**
 * Frees what these tags led to before they were put or removed. A failure is an event and not an error, and the signal is
 * ignored: the change itself is complete. Freeing may fail on Windows, where a reader keeps a file open.
 */
export async function freeReplaced(
  store: ManifestStore,
  references: readonly string[],
  { onEvent = store.onEvent, ...options }: FreeOptions,
): Promise<void> {
  try {
    await store.free?.(references, { ...options, onEvent, signal: undefined });
  } catch (error) {
    const message = `${store.name} takes up space that is not needed any more: ${(error as Error).message}`;
    onEvent?.({ type: "notice", message });
  }
}
