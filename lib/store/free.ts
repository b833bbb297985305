/** Frees what a change has replaced or removed, when the change is complete. @module */
import type { Digest } from "../oci/digest.ts";
import type { FreeOptions, ManifestStore } from "./store.ts";

/** What is freed beside what the tags of a directory led to. */
interface FreeReplacedOptions extends FreeOptions {
  /** The manifests that a registry is to remove if nothing names them any more. They are layerstash's own. */
  manifests?: readonly Digest[] | undefined;
}

/**
 * Frees what these tags led to before they were put or removed. A failure is an event and not an error: the change itself is
 * complete. Freeing may fail on Windows, where a reader keeps a file open. The signal ends requests to a registry, which may
 * be many, but not the freeing in a directory, which is short.
 */
export async function freeReplaced(
  store: ManifestStore,
  references: readonly string[],
  { onEvent = store.onEvent, manifests = [], ...options }: FreeReplacedOptions,
): Promise<void> {
  try {
    await store.free?.(references, { ...options, onEvent, signal: undefined });
    if (manifests.length > 0) await store.removeUnnamed?.(manifests, { onEvent, signal: options.signal });
  } catch (error) {
    const message = `${store.name} takes up space that is not needed any more: ${(error as Error).message}`;
    onEvent?.({ type: "notice", message });
  }
}
