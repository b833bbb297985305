/** Stores the images of a stash under their tags, and lets one of two uploads with the same name win. @module */
import { bytesSource } from "../content/source.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import { withoutProgress } from "../events.ts";
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
import { otherUpload, requireGivenBack } from "./read_back.ts";
import { lookAtTag } from "./chunk_image.ts";
import { type ExistingChunks, foreignConflict } from "./existing_chunks.ts";
import { tagConflict } from "./verdict.ts";

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

/** What a tag holds: the digest of its manifest in the family that was taken. There may be 100,000 of them. */
interface HeldTag {
  tag: string;
  number: number;
  digest: Digest;
  /** What the tag held before. */
  before: Digest | undefined;
}

/** A tag that was looked at. Within this process nobody else puts it until this is disposed of. */
interface LookedAt extends Disposable {
  /** When it was looked at, in milliseconds. */
  when: number;
  /** What it holds, and what the deciding tags hold. */
  found: ReadonlyMap<string, Digest | undefined>;
}

/**
 * Where tags are listed as a whole, it is done for many at once: when so many wait, or when the time since the last list is so
 * many times as long as that took. So the lists cost a part of the time however many tags there are, and a tag waits for
 * moments only.
 */
const [MOST_WAITING, PAUSE] = [4096, 4];

/** For how long a look at a tag counts, in milliseconds. A file that takes longer to send does not feel another round trip. */
const FRESH = 3000;

const tagLocks = new KeyedMutex();

/**
 * The tags of one upload. Registries have no locks, and another machine may store something else under the same name at
 * the same time. The tag of chunk 1 decides: it is put before all others, and the upload whose image it holds has won.
 */
export class StashTags implements Disposable {
  readonly #store: Store;
  readonly #existing: ExistingChunks;
  readonly #options: StashTagsOptions;
  readonly #pool: { jobs: number; signal: AbortSignal | undefined };
  /** What was put under the tag of chunk 1 and under the highest tag, and what these held before. */
  readonly #put: Map<"first" | "highest", HeldTag> = new Map();
  /** Every tag that was put, or held its image before. */
  readonly #held: Map<string, HeldTag> = new Map();
  /** The images whose tags wait to be put. */
  readonly #waiting: TaggedImage[] = [];
  /** When the waiting tags may be listed together again, in milliseconds; infinite while that is being done. */
  #nextList = 0;
  /** The family of the manifests: the one that was wanted, or that the store takes. */
  #family: Family;
  /** The manifests whose configs are stored. */
  readonly #prepared: Set<Digest> = new Set();
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
      else await this.#storeConfig(image);
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
    const { onEvent } = this.#options;
    await inParallel(
      this.#held.values(),
      { jobs: DEFAULT_JOBS, signal: this.#options.signal }, // also of a stream, whose chunks come one by one
      async ({ tag, digest, before }, signal) => {
        await requireGivenBack(this.#store, tag, { digest, before, signal, onEvent });
      },
    );
  }

  /** Of the manifests that the tags held before, those that the new ones have replaced. */
  get replaced(): Digest[] {
    const held = new Set([...this.#held.values()].map(({ digest }) => digest));
    return [...this.#existing.manifests].filter((digest) => !held.has(digest));
  }

  /** Whether the waiting tags are put now, and not with later ones. */
  #mayPut(): boolean {
    if (!this.#store.putManifests || !this.#put.has("first")) return true;
    return performance.now() >= this.#nextList || this.#waiting.length >= MOST_WAITING;
  }

  async #putWaiting(): Promise<void> {
    const first = this.#waiting.findIndex(({ number }) => number === 1);
    if (first >= 0) await this.#putTag(this.#waiting.splice(first, 1)[0]!);
    if (!this.#put.has("first")) return;
    const images = this.#waiting.splice(0);
    if (!this.#store.putManifests) {
      return await inParallel(images, this.#pool, async (image) => await this.#putTag(image));
    }
    const began = performance.now();
    this.#nextList = Infinity;
    await this.#putTogether(images);
    const ended = performance.now();
    this.#nextList = ended + PAUSE * (ended - began);
  }

  /** Stores images under their tags, as {@link #putTag} does, and has them listed at once. */
  async #putTogether(images: readonly TaggedImage[]): Promise<void> {
    const { signal, onEvent } = this.#options;
    const inOrder = images.toSorted((a, b) => a.number - b.number); // so that nobody waits in a circle
    using locks = new DisposableStack();
    for (const { tag } of inOrder) locks.use(await this.#lock(tag));
    const found = await this.#lookUp(inOrder.map(({ tag }) => tag));
    const changed: TaggedImage[] = [];
    for (const image of inOrder) {
      const [digest, before] = [this.#digestOf(image), found.get(image.tag)];
      if (this.#isExisting(image) && before === digest) {
        this.#note(image, { digest, before });
        continue;
      }
      await this.#storeConfig(image);
      if (before !== undefined && before !== digest) await this.#requireReplaceable(image, before);
      changed.push(image);
    }
    const manifests = changed.map(({ tag, manifest }) => [tag, inFamily(manifest, this.#family)] as const);
    if (changed.length > 0) await this.#store.putManifests!(new Map(manifests), { signal, onEvent });
    for (const image of changed) {
      this.#note(image, { digest: this.#digestOf(image), before: found.get(image.tag) });
    }
  }

  /** Stores an image under its tag, unless the tag already holds it to the byte. */
  async #putTag(image: TaggedImage): Promise<void> {
    const digest = this.#digestOf(image);
    if (this.#put.get("first")?.digest === digest) return; // it was put before
    const options = { signal: this.#options.signal, onEvent: this.#options.onEvent };
    if (this.#isExisting(image) && await this.#store.resolve(image.tag, options) === digest) {
      return this.#note(image, { digest, before: digest });
    }
    await this.#replace(image);
  }

  /** Stores the config of an image, and looks at its tag meanwhile: as late as costs no round trip. */
  async #prepare(image: TaggedImage): Promise<LookedAt> {
    const lock = await this.#lock(image.tag);
    const when = performance.now();
    let found: ReadonlyMap<string, Digest | undefined> = new Map();
    const look = async () => {
      found = await this.#lookAt(image);
    };
    try {
      const steps = [() => this.#storeConfig(image), look];
      await inParallel(steps, { ...this.#pool, jobs: steps.length }, (step) => step());
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    return { found, when, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  }

  /** Puts a tag that was just looked at. */
  async #replace(image: TaggedImage): Promise<void> {
    const { signal, onEvent } = this.#options;
    const { tag, isLast } = image;
    const prepared = this.#only ?? await this.#prepare(image);
    this.#only = undefined;
    using looked = prepared;
    const isFresh = performance.now() - looked.when < FRESH;
    const found = isFresh ? looked.found : await this.#lookAt(image);
    if (isLast) this.#requireOwn(found);
    const before = found.get(tag);
    if (before !== undefined && before !== this.#digestOf(image)) {
      await this.#requireReplaceable(image, before);
    }
    const make = (family: Family) => inFamily(image.manifest, family);
    const stored = await putInFamily(this.#store, tag, make, { family: this.#family, signal, onEvent });
    this.#family = familyOf(stored);
    this.#note(image, { digest: stored.digest, before });
  }

  /** Within this process nobody else puts a tag while it is locked. */
  async #lock(tag: string): Promise<Disposable> {
    return await tagLocks.lock(`${this.#store.url} ${tag}`, this.#options.signal);
  }

  /** The digest that an image's manifest has in the family of this upload. */
  #digestOf({ manifest }: TaggedImage): Digest {
    return inFamily(manifest, this.#family).digest;
  }

  /** Whether the tag existed when the upload began, with the same bytes. */
  #isExisting({ number, layer }: TaggedImage): boolean {
    return this.#existing.layers.get(number)?.digest === layer.digest;
  }

  async #storeConfig({ tag, config, manifest }: TaggedImage): Promise<void> {
    if (this.#prepared.has(manifest.digest)) return;
    const { signal, onEvent } = this.#options;
    await this.#store.write(bytesSource(config), {
      what: `the config of ${tag}`,
      signal,
      onEvent: withoutProgress(onEvent ?? this.#store.onEvent),
    });
    this.#prepared.add(manifest.digest);
  }

  #note({ tag, number, manifest }: TaggedImage, now: Pick<HeldTag, "digest" | "before">): void {
    const held = { tag, number, ...now };
    this.#held.set(tag, held);
    this.#prepared.delete(manifest.digest); // an image that is not put again needs its config no more
    if (number === 1) this.#put.set("first", held);
    const highest = this.#put.get("highest")?.number ?? 0;
    if (number >= highest) this.#put.set("highest", held);
  }

  /** The tag of chunk 1 and the highest tag: from these it shows whether another upload came in between. */
  #decidingTags(): string[] {
    return [...this.#put.values()].map(({ tag }) => tag);
  }

  /** Looks at the tag of an image, and for the last one also at those that decide. */
  async #lookAt({ tag, isLast }: TaggedImage): Promise<ReadonlyMap<string, Digest | undefined>> {
    return await this.#lookUp(isLast ? [tag, ...this.#decidingTags()] : [tag]);
  }

  /** Looks up which manifests tags hold now: another upload may be under way. */
  async #lookUp(tags: readonly string[]): Promise<Map<string, Digest | undefined>> {
    const { signal, onEvent } = this.#options;
    const found = new Map<string, Digest | undefined>();
    await inParallel(new Set(tags), { jobs: DEFAULT_JOBS, signal }, async (tag, each) => {
      found.set(tag, await this.#store.resolve(tag, { signal: each, onEvent }));
    });
    return found;
  }

  /** Makes sure that the first and the highest tag hold what was put there: no other upload came in between. */
  #requireOwn(now: ReadonlyMap<string, Digest | undefined>): void {
    for (const { tag, digest, before } of this.#put.values()) {
      const found = now.get(tag);
      // A registry may lag: then it still has no such tag, or the old one.
      if (found === undefined || found === digest || found === before) continue;
      throw otherUpload(tag);
    }
  }

  /**
   * Makes sure that a tag may be replaced by another image. It holds a chunk, and nobody else's image; and then `overwrite`
   * is set, or it is ours, because this upload holds the tag of chunk 1, or it existed before this upload, and still holds
   * the same bytes. A chunk that appeared since then belongs to another upload.
   */
  async #requireReplaceable(image: TaggedImage, before: Digest): Promise<void> {
    const { overwrite, signal, onEvent } = this.#options;
    const { tag, layer } = image;
    if (overwrite && this.#existing.manifests.has(before)) return;
    const found = await lookAtTag(this.#store, tag, { signal, onEvent });
    if (found.kind === "foreign") throw foreignConflict(tag);
    if (overwrite || found.kind === "absent") return; // it is being removed
    const first = this.#put.get("first");
    if (first && await this.#store.resolve(first.tag, { signal, onEvent }) === first.digest) return;
    const same = found.kind === "chunk" && found.image.layer.digest === layer.digest;
    if (!this.#isExisting(image) || !same) throw tagConflict(tag);
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
    const { tag, config, manifest } = rebuildImage(stash, number);
    const silent = withoutProgress(onEvent);
    await store.write(bytesSource(config), { ...options, what: `the config of ${tag}`, onEvent: silent });
    await putInFamily(store, tag, (family) => inFamily(manifest, family), { ...options, family });
  }
  reportPresent(stash.chunks, onEvent);
  return stash;
}
