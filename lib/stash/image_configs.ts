/** Stores the configs of a stash's images: before its tag is put, everything that a manifest names has to exist. @module */
import { bytesSource } from "../content/source.ts";
import { withoutProgress } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import type { TaggedImage } from "./tagged_image.ts";

/** The configs that one upload has stored, each once, even if it is wanted both early and when its tag is put. */
export class ImageConfigs {
  readonly #store: Store;
  readonly #options: CallOptions;
  /** The manifests whose configs are stored. */
  readonly #stored: Set<Digest> = new Set();

  /** @param options who receives the events, and what ends the calls */
  constructor(store: Store, options: CallOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Stores the config of an image, unless that was done before. */
  async store(image: TaggedImage): Promise<void> {
    if (this.#stored.has(image.manifest.digest)) return;
    await storeConfig(this.#store, image, this.#options);
    this.#stored.add(image.manifest.digest);
  }

  /** Forgets an image whose tag holds it: it needs its config no more, and there may be 100,000. */
  forget({ manifest }: TaggedImage): void {
    this.#stored.delete(manifest.digest);
  }
}

/** Stores the config of an image, unless the store has it. Its bytes are not those of the file, so they do not count as progress. */
export async function storeConfig(
  store: Store,
  { tag, config }: Pick<TaggedImage, "tag" | "config">,
  { signal, onEvent = store.onEvent }: CallOptions,
): Promise<void> {
  if (config) {
    await store.write(bytesSource(config), {
      what: `the config of ${tag}`,
      signal,
      onEvent: withoutProgress(onEvent),
    });
  }
}
