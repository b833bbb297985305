/** Stores images under their tags, one or many at once, unless somebody else needs what these hold. @module */
import { inParallel } from "../async/pool.ts";
import type { Digest } from "../oci/digest.ts";
import { familyOf, inFamily } from "../oci/manifest_family.ts";
import type { Family } from "../oci/media_types.ts";
import { putInFamily } from "../store/manifest_format.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { isExisting, type ReplaceableChunks } from "./existing_chunks.ts";
import { type HeldTag, HeldTags } from "./held_tags.ts";
import { ImageConfigs } from "./image_configs.ts";
import { requireReplaceableTag } from "./replaceable_tag.ts";
import type { TaggedImage } from "./tagged_image.ts";
import { type FoundTags, isFresh, lockTag, type LookedAt, lookUpTags } from "./tag_look.ts";

/** How tags are put. */
export interface TagWriterOptions extends CallOptions {
  /** Whether a tag that holds other bytes is replaced. */
  overwrite?: boolean | undefined;
  /** The family of the manifests; the store may refuse it. */
  family: Family;
}

/** Stores the images of one upload under their tags, and notes what these hold. */
export class TagWriter implements Disposable {
  /** The tags that were put, or held their images before. */
  readonly held: HeldTags = new HeldTags();
  readonly #store: Store;
  readonly #existing: ReplaceableChunks;
  readonly #overwrite: boolean | undefined;
  /** What every call of the store takes. */
  readonly #call: CallOptions;
  readonly #configs: ImageConfigs;
  /** The family of the manifests: the one that was wanted, or that the store takes. */
  #family: Family;
  /** The tag of the only image of a stash, which was looked at while its config was stored. */
  #only: LookedAt | undefined;

  /**
   * Puts nothing yet.
   *
   * @param existing what the tags held when the upload began
   */
  constructor(store: Store, existing: ReplaceableChunks, options: TagWriterOptions) {
    this.#store = store;
    this.#existing = existing;
    this.#overwrite = options.overwrite;
    this.#family = options.family;
    this.#call = { signal: options.signal, onEvent: options.onEvent };
    this.#configs = new ImageConfigs(store, this.#call);
  }

  /** Lets others of this process put the tag that was looked at. */
  [Symbol.dispose](): void {
    this.#only?.[Symbol.dispose]();
    this.#only = undefined;
  }

  /**
   * Stores the config of an image whose tag is put later. If the image is the only one of its stash, its tag is looked at
   * meanwhile: nothing else is put before it.
   */
  async prepare(image: TaggedImage): Promise<void> {
    // Its tag may hold this very image: then its config is there. Where others are not replaced, that is seen when it is put.
    if (this.#overwrite ? this.#isThere(image) : isExisting(this.#existing, image)) return;
    if (image.isLast && image.number === 1) this.#only ??= await this.#look(image);
    else await this.#configs.store(image);
  }

  /** Stores an image by its digest, so that its tag alone is missing. */
  async putUntagged(image: TaggedImage): Promise<void> {
    if (this.#isThere(image)) return;
    await this.#configs.store(image);
    await this.#send(image, undefined);
  }

  /** Stores an image under its tag, unless the tag already holds it to the byte. */
  async put(image: TaggedImage): Promise<void> {
    const digest = this.#digestOf(image);
    if (this.held.first?.digest === digest) return; // it was put before
    if (isExisting(this.#existing, image) && await this.#store.resolve(image.tag, this.#call) === digest) {
      return this.#note(image, { digest, before: digest });
    }
    await this.#replace(image);
  }

  /**
   * Stores images under their tags, as {@link TagWriter.put} does, and has the store list them at once. All tags are locked
   * meanwhile, in the order of their numbers: two uploads of one name then never wait for each other in a circle.
   */
  async putTogether(images: readonly TaggedImage[]): Promise<void> {
    const inOrder = images.toSorted((a, b) => a.number - b.number);
    using locks = new DisposableStack();
    for (const { tag } of inOrder) locks.use(await lockTag(this.#store, tag, this.#call.signal));
    const deciding = inOrder.at(-1)?.isLast ? this.held.deciding : [];
    const found = await lookUpTags(this.#store, [...inOrder.map(({ tag }) => tag), ...deciding], this.#call);
    if (deciding.length > 0) this.held.requireOwn(found);
    const changed: TaggedImage[] = [];
    for (const image of inOrder) {
      const [digest, before] = [this.#digestOf(image), found.get(image.tag)];
      if (isExisting(this.#existing, image) && before === digest) {
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

  /** Stores the config of an image, and looks at its tag meanwhile: as late as costs no round trip. */
  async #look(image: TaggedImage): Promise<LookedAt> {
    using locks = new DisposableStack();
    locks.use(await lockTag(this.#store, image.tag, this.#call.signal));
    const when = performance.now();
    let found: FoundTags = new Map();
    const look = async () => {
      found = await this.#lookAt(image);
    };
    const steps = [() => this.#configs.store(image), look];
    await inParallel(steps, { jobs: steps.length, signal: this.#call.signal }, (step) => step());
    const lock = locks.move();
    return { found, when, [Symbol.dispose]: () => lock.dispose() };
  }

  /**
   * Puts a tag that was just looked at. The tag of the last image completes the stash: so it is put only while the tags that
   * decide are still ours.
   */
  async #replace(image: TaggedImage): Promise<void> {
    const prepared = this.#only ?? await this.#look(image);
    this.#only = undefined;
    using looked = prepared;
    const found = isFresh(looked) ? looked.found : await this.#lookAt(image);
    if (image.isLast) this.held.requireOwn(found);
    const before = found.get(image.tag);
    if (before !== undefined && before !== this.#digestOf(image)) {
      await this.#requireReplaceable(image, before);
    }
    this.#note(image, { digest: await this.#send(image, image.tag), before });
  }

  /** Sends the manifest of an image, to be stored under its tag or by its digest. From then on its family is the one that the store takes. */
  async #send({ manifest }: TaggedImage, tag: string | undefined): Promise<Digest> {
    const make = (family: Family) => inFamily(manifest, family);
    const stored = await putInFamily(this.#store, tag, make, { family: this.#family, ...this.#call });
    this.#family = familyOf(stored);
    return stored.digest;
  }

  /** Looks at the tag of an image, and for the last one also at those that decide. */
  async #lookAt({ tag, isLast }: TaggedImage): Promise<FoundTags> {
    return await lookUpTags(this.#store, isLast ? [tag, ...this.held.deciding] : [tag], this.#call);
  }

  /** The digest that an image's manifest has in the family of this upload. */
  #digestOf({ manifest }: TaggedImage): Digest {
    return inFamily(manifest, this.#family).digest;
  }

  /** Whether a tag held this very image when the upload began. */
  #isThere(image: TaggedImage): boolean {
    return this.#existing.manifests.has(this.#digestOf(image));
  }

  /** Notes what a tag holds now, so that its config need not be remembered. */
  #note(image: TaggedImage, now: Pick<HeldTag, "digest" | "before">): void {
    this.held.note(image, now);
    this.#configs.forget(image);
  }

  /** Makes sure that the image may replace what its tag holds. */
  async #requireReplaceable(image: TaggedImage, before: Digest): Promise<void> {
    const [existing, first, overwrite] = [this.#existing, this.held.first, this.#overwrite];
    await requireReplaceableTag(this.#store, image, { before, existing, first, overwrite, ...this.#call });
  }
}
