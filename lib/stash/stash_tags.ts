/** Stores the images of a stash under their tags, and lets one of two uploads with the same name win. @module */
import type { Digest } from "../oci/digest.ts";
import { familyOf, inFamily } from "../oci/manifest_family.ts";
import type { Family } from "../oci/media_types.ts";
import { putInFamily } from "../store/manifest_format.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { inParallel } from "../async/pool.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { reportPresent } from "../transfer/placed_blob.ts";
import type { Stash } from "./stash.ts";
import { rebuildImage, type TaggedImage } from "./stash_draft.ts";
import { requireGivenBack } from "./read_back.ts";
import { type ExistingChunks, isExisting } from "./existing_chunks.ts";
import { type HeldTag, HeldTags } from "./held_tags.ts";
import { ImageConfigs, storeConfig } from "./image_configs.ts";
import { ListPace } from "./list_pace.ts";
import { requireReplaceableTag } from "./replaceable_tag.ts";
import { type FoundTags, isFresh, lockTag, type LookedAt, lookUpTags } from "./tag_look.ts";

/** What the tags of an upload are put with. */
export interface StashTagsOptions extends CallOptions {
  /**
   * No tag is put before the image with this number, or a higher one, was added. With a stream a conflict shows only when
   * its chunk was read, so no tag is changed before the last existing one is passed. 0 = tags are put at once.
   */
  holdUntil: number;
  /** How many tags are put at once; absent = {@link DEFAULT_JOBS}. */
  jobs?: number | undefined;
  /** Whether a tag that holds other bytes is replaced. */
  overwrite?: boolean | undefined;
  /** The family of the manifests; the store may refuse it. */
  family: Family;
}

/**
 * Puts the tags of one upload. Another machine may store something else under the same name at the same time, and registries
 * have no locks. The tag of chunk 1 decides: it is put before all others, and the upload whose image it holds has won.
 */
export class StashTags implements Disposable {
  readonly #store: Store;
  readonly #existing: ExistingChunks;
  readonly #options: StashTagsOptions;
  /** What every call of the store takes. */
  readonly #call: CallOptions;
  readonly #pool: { jobs: number; signal: AbortSignal | undefined };
  readonly #configs: ImageConfigs;
  readonly #held: HeldTags = new HeldTags();
  readonly #pace: ListPace = new ListPace();
  /** The images whose tags wait to be put. */
  readonly #waiting: TaggedImage[] = [];
  /** The family of the manifests: the one that was wanted, or that the store takes. */
  #family: Family;
  /** The tag of the only image of a stash, which was looked at while its config was stored. */
  #only: LookedAt | undefined;

  /**
   * Puts nothing yet.
   *
   * @param existing what the tags held when the upload began
   */
  constructor(store: Store, existing: ExistingChunks, options: StashTagsOptions) {
    this.#store = store;
    this.#existing = existing;
    this.#options = options;
    this.#family = options.family;
    this.#call = { signal: options.signal, onEvent: options.onEvent };
    this.#configs = new ImageConfigs(store, this.#call);
    this.#pool = { jobs: options.jobs ?? DEFAULT_JOBS, signal: options.signal };
  }

  /** Lets others of this process put the tag that was looked at. */
  [Symbol.dispose](): void {
    this.#only?.[Symbol.dispose]();
    this.#only = undefined;
  }

  /**
   * Stores the configs of images, and puts the tags that may be put: that of chunk 1, and others after it. The tag of the
   * last image waits for {@link complete}; its config is stored here, which saves a round trip at the end, and if it is the
   * only image, its tag is looked at meanwhile.
   *
   * @throws {ConflictError} if a tag holds other bytes that are not to be replaced
   */
  async add(...images: TaggedImage[]): Promise<void> {
    await inParallel(images, this.#pool, async (image) => {
      if (this.#isExisting(image)) return; // its tag may hold this very image: then the config is not needed
      if (image.isLast && image.number === 1) this.#only ??= await this.#prepare(image);
      else await this.#configs.store(image);
    });
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
   * @throws {ConflictError} if another upload of the same name came in between, or a tag holds other bytes that are not
   *   to be replaced
   * @throws {RegistryError} if a manifest that was stored cannot be read
   */
  async complete(last: TaggedImage): Promise<void> {
    await this.#putWaiting();
    await this.#putTag(last);
    const { signal, onEvent } = this.#call;
    await inParallel(
      this.#held.all,
      { jobs: DEFAULT_JOBS, signal }, // also of a stream, whose chunks come one by one
      async ({ tag, digest, before }, signal) => {
        await requireGivenBack(this.#store, tag, { digest, before, signal, onEvent });
      },
    );
  }

  /** Of the manifests that the tags held before, those that the new ones have replaced. */
  get replaced(): Digest[] {
    return this.#held.without(this.#existing.manifests);
  }

  /** Whether the waiting tags are put now, and not with later ones. */
  #mayPut(): boolean {
    if (!this.#store.putManifests || !this.#held.first) return true;
    return this.#pace.isDue(this.#waiting.length);
  }

  /** Puts the tag of chunk 1 if it waits, and the other waiting tags if that of chunk 1 is held. */
  async #putWaiting(): Promise<void> {
    const first = this.#waiting.findIndex(({ number }) => number === 1);
    if (first >= 0) await this.#putTag(this.#waiting.splice(first, 1)[0]!);
    if (!this.#held.first) return;
    const images = this.#waiting.splice(0);
    if (!this.#store.putManifests) {
      return await inParallel(images, this.#pool, async (image) => await this.#putTag(image));
    }
    await this.#pace.time(async () => await this.#putTogether(images));
  }

  /**
   * Stores images under their tags, as {@link #putTag} does, and has the store list them at once. All tags are locked meanwhile,
   * in the order of their numbers: two uploads of one name then never wait for each other in a circle.
   */
  async #putTogether(images: readonly TaggedImage[]): Promise<void> {
    const inOrder = images.toSorted((a, b) => a.number - b.number);
    using locks = new DisposableStack();
    for (const { tag } of inOrder) locks.use(await lockTag(this.#store, tag, this.#call.signal));
    const found = await lookUpTags(this.#store, inOrder.map(({ tag }) => tag), this.#call);
    const changed: TaggedImage[] = [];
    for (const image of inOrder) {
      const [digest, before] = [this.#digestOf(image), found.get(image.tag)];
      if (this.#isExisting(image) && before === digest) {
        this.#note(image, { digest, before });
        continue;
      }
      await this.#configs.store(image);
      if (before !== undefined && before !== digest) await this.#requireReplaceable(image, before);
      changed.push(image);
    }
    const manifests = changed.map(({ tag, manifest }) => [tag, inFamily(manifest, this.#family)] as const);
    if (changed.length > 0) await this.#store.putManifests!(new Map(manifests), this.#call);
    for (const image of changed) {
      this.#note(image, { digest: this.#digestOf(image), before: found.get(image.tag) });
    }
  }

  /** Stores an image under its tag, unless the tag already holds it to the byte. */
  async #putTag(image: TaggedImage): Promise<void> {
    const digest = this.#digestOf(image);
    if (this.#held.first?.digest === digest) return; // it was put before
    if (this.#isExisting(image) && await this.#store.resolve(image.tag, this.#call) === digest) {
      return this.#note(image, { digest, before: digest });
    }
    await this.#replace(image);
  }

  /** Stores the config of an image, and looks at its tag meanwhile: as late as costs no round trip. */
  async #prepare(image: TaggedImage): Promise<LookedAt> {
    using locks = new DisposableStack();
    locks.use(await lockTag(this.#store, image.tag, this.#call.signal));
    const when = performance.now();
    let found: FoundTags = new Map();
    const look = async () => {
      found = await this.#lookAt(image);
    };
    const steps = [() => this.#configs.store(image), look];
    await inParallel(steps, { ...this.#pool, jobs: steps.length }, (step) => step());
    const lock = locks.move();
    return { found, when, [Symbol.dispose]: () => lock.dispose() };
  }

  /**
   * Puts a tag that was just looked at. The tag of the last image completes the stash: so it is put only while the tags that
   * decide are still ours.
   */
  async #replace(image: TaggedImage): Promise<void> {
    const prepared = this.#only ?? await this.#prepare(image);
    this.#only = undefined;
    using looked = prepared;
    const found = isFresh(looked) ? looked.found : await this.#lookAt(image);
    if (image.isLast) this.#held.requireOwn(found);
    const before = found.get(image.tag);
    if (before !== undefined && before !== this.#digestOf(image)) {
      await this.#requireReplaceable(image, before);
    }
    const make = (family: Family) => inFamily(image.manifest, family);
    const stored = await putInFamily(this.#store, image.tag, make, { family: this.#family, ...this.#call });
    this.#family = familyOf(stored);
    this.#note(image, { digest: stored.digest, before });
  }

  /** Looks at the tag of an image, and for the last one also at those that decide. */
  async #lookAt({ tag, isLast }: TaggedImage): Promise<FoundTags> {
    return await lookUpTags(this.#store, isLast ? [tag, ...this.#held.deciding] : [tag], this.#call);
  }

  /** The digest that an image's manifest has in the family of this upload. */
  #digestOf({ manifest }: TaggedImage): Digest {
    return inFamily(manifest, this.#family).digest;
  }

  /** Whether the tag existed when the upload began, with the same bytes. */
  #isExisting(image: TaggedImage): boolean {
    return isExisting(this.#existing, image);
  }

  /** Notes what a tag holds now, so that its config need not be remembered. */
  #note(image: TaggedImage, now: Pick<HeldTag, "digest" | "before">): void {
    this.#held.note(image, now);
    this.#configs.forget(image);
  }

  async #requireReplaceable(image: TaggedImage, before: Digest): Promise<void> {
    const { overwrite } = this.#options;
    const [existing, first] = [this.#existing, this.#held.first];
    await requireReplaceableTag(this.#store, image, { before, existing, first, overwrite, ...this.#call });
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
