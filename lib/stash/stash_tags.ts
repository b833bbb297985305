/** Puts the tags of a stash in the order that lets one of two uploads with the same name win. @module */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Store } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import type { StashDraft } from "./stash_draft.ts";
import type { TaggedImage } from "./tagged_image.ts";
import type { ExistingChunks } from "./existing_chunks.ts";
import { ListPace } from "./list_pace.ts";
import { listTags, putTags } from "./put_tags.ts";
import { TagWriter, type TagWriterOptions } from "./tag_writer.ts";

/** What the tags of an upload are put with. */
export interface StashTagsOptions extends TagWriterOptions {
  /** No tag is put before the image with this number, or a higher one, was added. 0 = tags are put at once; infinite = at the end. */
  holdUntil: number;
  /** How many tags are put at once; absent = {@link DEFAULT_JOBS}. */
  jobs?: number | undefined;
}

/**
 * Puts the tags of one upload. Another machine may store something else under the same name at the same time, and registries
 * have no locks. The tag of chunk 1 decides: it is put before all others, and the upload whose image it holds has won.
 *
 * Between the first tag and the last, a file that is replaced is torn. Where that file can be read, all tags wait until the
 * registry has taken every image of the new one.
 */
export class StashTags implements Disposable {
  readonly #store: Store;
  readonly #existing: ExistingChunks;
  readonly #draft: StashDraft;
  readonly #options: StashTagsOptions;
  readonly #pool: { jobs: number; signal: AbortSignal | undefined };
  readonly #writer: TagWriter;
  readonly #pace: ListPace = new ListPace();
  /** The layers of the images whose tags wait to be put. The images are built again then: there may be 100,000. */
  readonly #waiting: Map<number, Descriptor> = new Map();
  /** The last image, where it was added: its table of 100,000 chunks has 7 MB. */
  #last: TaggedImage | undefined;

  /**
   * Puts nothing yet.
   *
   * @param existing what the tags held when the upload began
   */
  constructor(store: Store, existing: ExistingChunks, draft: StashDraft, options: StashTagsOptions) {
    this.#store = store;
    this.#existing = existing;
    this.#draft = draft;
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
    const { holdUntil } = this.#options;
    // Where all tags wait, chunk 1 of a stream gets its image at the end: it then says how many chunks there are.
    const isOpen = holdUntil === Infinity && this.#draft.chunks === undefined;
    const ready = images.filter(({ number }) => number > 1 || !isOpen);
    await inParallel(ready, this.#pool, async (image) => await this.#writer.prepare(image));
    for (const image of images) {
      if (image.isLast) this.#last = image;
      else this.#waiting.set(image.number, image.layer);
    }
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
   * Puts the tags that still wait, and at last that of the last image, which completes the stash.
   *
   * @param layers those of all chunks
   * @returns the digest of the last manifest, which stands for the stash
   * @throws {ConflictError} if another upload of the same name came in between, or a tag holds other bytes that are not
   *   to be replaced
   * @throws {RegistryError} if a manifest that was stored cannot be read
   */
  async complete(layers: readonly Descriptor[]): Promise<Digest> {
    const first = this.#firstOf(layers);
    const last = this.#last ?? await this.#draft.lastImage(layers);
    const middle = { [Symbol.iterator]: () => this.#images(this.#waiting) };
    const { signal, onEvent } = this.#options;
    const digest = await putTags(this.#store, this.#writer, { first, middle, last }, {
      jobs: this.#pool.jobs,
      untaggedFirst: !this.#writer.held.first,
      signal,
      onEvent,
    });
    this.#waiting.clear();
    return digest;
  }

  /** Of the manifests that the tags held before, those that the new ones have replaced. */
  get replaced(): Digest[] {
    return this.#writer.held.without(this.#existing.manifests);
  }

  /** Whether the waiting tags are put now, and not with later ones. */
  #mayPut(): boolean {
    if (!this.#store.putManifests || !this.#writer.held.first) return true;
    return this.#pace.isDue(this.#waiting.size);
  }

  /**
   * The image of chunk 1, if its tag waits; or if the existing stash is longer: the image then says how many chunks there are, so
   * that no old tag is taken for the last one.
   */
  #firstOf(layers: readonly Descriptor[]): TaggedImage | undefined {
    const isShorter = this.#existing.numbers.some((number) => number > layers.length);
    const isWanted = this.#waiting.delete(1) || isShorter && layers.length > 1;
    return isWanted ? this.#draft.firstImage(layers) : undefined;
  }

  /** Puts the tag of chunk 1 if it waits, and the other waiting tags if that of chunk 1 is held. */
  async #putWaiting(): Promise<void> {
    const first = this.#waiting.get(1);
    this.#waiting.delete(1);
    if (first) await this.#writer.put(this.#draft.image(1, first));
    if (!this.#writer.held.first) return;
    const images = this.#images([...this.#waiting]);
    this.#waiting.clear();
    if (this.#store.putManifests) await this.#pace.time(async () => await listTags(this.#writer, images));
    else await inParallel(images, this.#pool, async (image) => await this.#writer.put(image));
  }

  *#images(waiting: Iterable<[number, Descriptor]>): Generator<TaggedImage> {
    for (const [number, layer] of waiting) yield this.#draft.image(number, layer);
  }
}
