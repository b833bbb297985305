/** Puts the tags of a stash, and keeps two uploads of the same name apart. @module */
import { bytesSource } from "../content/source.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import { ConflictError, MismatchError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Store } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { readChunkImage } from "./find_stash.ts";
import { conflict } from "./present_chunks.ts";

/** The image of one chunk, ready to be stored. */
export interface TaggedImage {
  /** The chunk, from 1. */
  number: number;
  tag: string;
  /** The chunk's bytes, which are there. */
  layer: Descriptor;
  config: Uint8Array<ArrayBuffer>;
  manifest: Manifest;
}

/** Whose tags, and what may become of those that are there. */
export interface StashTagsOptions {
  store: Store;
  baseTag: string;
  /** The layers that the tags held before, by the number of the chunk. */
  held: ReadonlyMap<number, Descriptor | undefined>;
  /** How many tags are put at once. */
  jobs: number;
  /** Whether a tag that holds other bytes is replaced. */
  overwrite?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

const turns = new KeyedMutex();

/**
 * The tags of one stash that is stored. Registries know no locks, and another machine may store something else under
 * the same name at the same time. The tag of chunk 1 decides: it is put before all others, and whose image it holds has
 * won.
 */
export class StashTags {
  readonly #options: StashTagsOptions;
  /** What was put under the first and under the newest tag, and what these held before. */
  readonly #put: Map<"first" | "newest", { image: TaggedImage; before: Digest | undefined }> = new Map();
  /** The images whose tags wait to be put. */
  readonly #added: TaggedImage[] = [];
  /** The images whose configs are stored. */
  readonly #prepared: Set<Digest> = new Set();

  /** @param options where */
  constructor(options: StashTagsOptions) {
    this.#options = options;
  }

  /** Stores what a tag will need: it takes fewer round trips then. One that may be there to the byte needs nothing. */
  async prepare(image: TaggedImage): Promise<void> {
    if (!this.#isHeld(image)) await this.#storeConfig(image);
  }

  /** Adds images to those whose tags are to be put. */
  add(...images: TaggedImage[]): void {
    this.#added.push(...images);
  }

  /** Puts the tags that were added: that of chunk 1, and others only when it is there. */
  async putAdded(): Promise<void> {
    const first = this.#added.findIndex(({ number }) => number === 1);
    if (first >= 0) await this.put(this.#added.splice(first, 1)[0]!);
    if (!this.#put.has("first")) return;
    await inParallel(this.#added.splice(0), this.#options, async (image) => await this.put(image));
  }

  /**
   * Stores the image of a chunk under its tag, unless it is there to the byte. Before and after the one that `completes`
   * the stash, the first and the newest tag have to hold what was put there.
   *
   * @throws {ConflictError} when the tag holds other bytes, and those are not to be replaced; or when another upload
   * came in between
   */
  async put(image: TaggedImage, { completes = false } = {}): Promise<void> {
    const { store, signal } = this.#options;
    const { tag, manifest } = image;
    if (!this.#isHeld(image) || await store.resolve(tag, { signal }) !== manifest.digest) {
      await this.#storeConfig(image);
      await this.#replace(image, { completes });
    } else this.#keep(image, manifest.digest);
    if (completes) this.#requireOwn(await this.#lookUp(this.#tags()));
  }

  /** Looks as late as can be. Within this process nobody puts the tag between the look and what follows from it. */
  async #replace(image: TaggedImage, { completes }: { completes: boolean }): Promise<void> {
    const { store, overwrite, signal } = this.#options;
    const { tag, manifest } = image;
    using _turn = await turns.lock(`${store.url} ${tag}`, signal);
    const found = await this.#lookUp(completes ? [tag, ...this.#tags()] : [tag]);
    if (completes) this.#requireOwn(found);
    const before = found.get(tag);
    const other = before !== undefined && before !== manifest.digest;
    if (other && !overwrite) await this.#requireRight(image);
    await store.putManifest(tag, manifest, { signal });
    this.#keep(image, before);
  }

  /** Whether the tag held the same bytes before. */
  #isHeld({ number, layer }: TaggedImage): boolean {
    return this.#options.held.get(number)?.digest === layer.digest;
  }

  async #storeConfig({ tag, config, manifest }: TaggedImage): Promise<void> {
    if (this.#prepared.has(manifest.digest)) return;
    const { store, signal } = this.#options;
    await store.write(bytesSource(config), { what: `the config of ${tag}`, signal });
    this.#prepared.add(manifest.digest);
  }

  #keep(image: TaggedImage, before: Digest | undefined): void {
    if (image.number === 1) this.#put.set("first", { image, before });
    const newest = this.#put.get("newest")?.image.number ?? 0;
    if (image.number >= newest) this.#put.set("newest", { image, before });
  }

  /** The first and the newest tag. */
  #tags(): string[] {
    return [...this.#put.values()].map(({ image }) => image.tag);
  }

  /** What tags hold now: another upload may be under way. */
  async #lookUp(tags: readonly string[]): Promise<Map<string, Digest | undefined>> {
    const { store, signal } = this.#options;
    const found = new Map<string, Digest | undefined>();
    await inParallel(new Set(tags), { jobs: tags.length, signal }, async (tag, each) => {
      found.set(tag, await store.resolve(tag, { signal: each }));
    });
    return found;
  }

  /** Makes sure that the first and the newest tag hold what was put there: no other upload came in between. */
  #requireOwn(now: ReadonlyMap<string, Digest | undefined>): void {
    for (const { image: { tag, manifest }, before } of this.#put.values()) {
      const found = now.get(tag);
      // What is not there yet, or is still the old, is a registry that lags behind.
      if (found === undefined || found === manifest.digest || found === before) continue;
      const { baseTag } = this.#options;
      throw new ConflictError(
        `another upload of ${baseTag} came in between: ${tag} holds something else now`,
        {
          hint: "look at what is there with layerstash info; run this again with --overwrite to replace it",
        },
      );
    }
  }

  /** A tag that was there before may hold the same bytes; one that came since is of an upload that has to have lost. */
  async #requireRight(image: TaggedImage): Promise<void> {
    const { store, signal } = this.#options;
    const { tag, layer } = image;
    const first = this.#put.get("first")?.image;
    if (first && await store.resolve(first.tag, { signal }) === first.manifest.digest) return;
    const found = await readChunkImage(store, tag, { signal }).catch(nullIfMalformed);
    if (found === undefined) return; // it is being removed
    if (this.#isHeld(image) && found?.layer.digest === layer.digest) return;
    throw conflict(tag);
  }
}

function nullIfMalformed(error: unknown): null {
  if (error instanceof MismatchError) return null;
  throw error;
}
