/** Puts the tags of a stash in the order that lets one of two uploads with the same name win. @module */
import type { Digest } from "../oci/digest.ts";
import { inFamily } from "../oci/manifest_family.ts";
import type { Family } from "../oci/media_types.ts";
import { putInFamily } from "../store/manifest_format.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { reportPresent } from "../transfer/placed_blob.ts";
import type { Stash } from "./stash.ts";
import { rebuildImage, type TaggedImage } from "./stash_draft.ts";
import { requireGivenBack } from "./read_back.ts";
import type { ExistingChunks } from "./existing_chunks.ts";
import { storeConfig } from "./image_configs.ts";
import { ListPace } from "./list_pace.ts";
import { TagWriter, type TagWriterOptions } from "./tag_writer.ts";

/** What the tags of an upload are put with. */
export interface StashTagsOptions extends TagWriterOptions {
  /**
   * No tag is put before the image with this number, or a higher one, was added. With a stream a conflict shows only when
   * its chunk was read, so no tag is changed before the last existing one is passed. 0 = tags are put at once.
   */
  holdUntil: number;
  /** How many tags are put at once; absent = {@link DEFAULT_JOBS}. */
  jobs?: number | undefined;
}

/**
 * Puts the tags of one upload. Another machine may store something else under the same name at the same time, and registries
 * have no locks. The tag of chunk 1 decides: it is put before all others, and the upload whose image it holds has won.
 */
export class StashTags implements Disposable {
  readonly #store: Store;
  readonly #existing: ExistingChunks;
  readonly #options: StashTagsOptions;
  readonly #pool: { jobs: number; signal: AbortSignal | undefined };
  readonly #writer: TagWriter;
  readonly #pace: ListPace = new ListPace();
  /** The images whose tags wait to be put. */
  readonly #waiting: TaggedImage[] = [];

  /**
   * Puts nothing yet.
   *
   * @param existing what the tags held when the upload began
   */
  constructor(store: Store, existing: ExistingChunks, options: StashTagsOptions) {
    this.#store = store;
    this.#existing = existing;
    this.#options = options;
    this.#writer = new TagWriter(store, existing, options);
    this.#pool = { jobs: options.jobs ?? DEFAULT_JOBS, signal: options.signal };
  }

  /** Lets others of this process put the tag that was looked at. */
  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  /**
   * Stores the configs of images, and puts the tags that may be put: that of chunk 1, and others after it. The tag of the
   * last image waits for {@link complete}; its config is stored here, which saves a round trip at the end, and if it is the
   * only image, its tag is looked at meanwhile.
   *
   * @throws {ConflictError} if a tag holds other bytes that are not to be replaced
   */
  async add(...images: TaggedImage[]): Promise<void> {
    await inParallel(images, this.#pool, async (image) => await this.#writer.prepare(image));
    this.#waiting.push(...images.filter(({ isLast }) => !isLast));
    const { holdUntil } = this.#options;
    if (images.some(({ number }) => number >= holdUntil) && this.#mayPut()) await this.#putWaiting();
  }

  /** Stores the config of an image while its bytes are sent. Returns what the sending returns. */
  async addBeside<T>(image: TaggedImage, sending: Promise<T>): Promise<T> {
    const adding = this.add(image);
    await Promise.allSettled([sending, adding]);
    const sent = await sending;
    await adding;
    return sent;
  }

  /**
   * Puts the tags that still wait, and then the tag of the last image, which completes the stash. Before it the first and
   * the highest tag have to hold what was put there; after it every tag has to give it back.
   *
   * @returns the digest of the last manifest, which stands for the stash
   * @throws {ConflictError} if another upload of the same name came in between, or a tag holds other bytes that are not
   *   to be replaced
   * @throws {RegistryError} if a manifest that was stored cannot be read
   */
  async complete(last: TaggedImage): Promise<Digest> {
    await this.#putWaiting();
    await this.#writer.put(last);
    const { signal, onEvent } = this.#options;
    await inParallel(
      this.#writer.held.all,
      { jobs: DEFAULT_JOBS, signal }, // also of a stream, whose chunks come one by one
      async ({ tag, digest, before }, signal) => {
        await requireGivenBack(this.#store, tag, { digest, before, signal, onEvent });
      },
    );
    return this.#writer.held.highest!.digest;
  }

  /** Of the manifests that the tags held before, those that the new ones have replaced. */
  get replaced(): Digest[] {
    return this.#writer.held.without(this.#existing.manifests);
  }

  /** Whether the waiting tags are put now, and not with later ones. */
  #mayPut(): boolean {
    if (!this.#store.putManifests || !this.#writer.held.first) return true;
    return this.#pace.isDue(this.#waiting.length);
  }

  /** Puts the tag of chunk 1 if it waits, and the other waiting tags if that of chunk 1 is held. */
  async #putWaiting(): Promise<void> {
    const first = this.#waiting.findIndex(({ number }) => number === 1);
    if (first >= 0) await this.#writer.put(this.#waiting.splice(first, 1)[0]!);
    if (!this.#writer.held.first) return;
    const images = this.#waiting.splice(0);
    if (!this.#store.putManifests) {
      return await inParallel(images, this.#pool, async (image) => await this.#writer.put(image));
    }
    await this.#pace.time(async () => await this.#writer.putTogether(images));
  }
}

/**
 * Keeps a complete stash that is stored already. Tags of chunks that it has lost are put back: without them a registry takes
 * the chunks as garbage.
 */
export async function keepStored(
  store: Store,
  stash: Stash,
  { existing, family, ...options }: CallOptions & {
    existing: Pick<ExistingChunks, "untagged" | "family">;
    /** The family that its manifests would get today. */
    family: Family;
  },
): Promise<Stash> {
  const onEvent = options.onEvent ?? store.onEvent;
  if (existing.family && existing.family !== family) {
    const message = `${stash.baseTag} stays in the other format of manifests: --overwrite changes it`;
    onEvent?.({ type: "notice", message });
  }
  for (const number of existing.untagged) {
    const image = rebuildImage(stash, number);
    await storeConfig(store, image, options);
    const make = (family: Family) => inFamily(image.manifest, family);
    await putInFamily(store, image.tag, make, { ...options, family });
  }
  reportPresent(stash.chunks, onEvent);
  return stash;
}
