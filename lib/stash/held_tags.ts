/** Notes what the tags of an upload hold, and notices when another upload has come in between. @module */
import type { Digest } from "../oci/digest.ts";
import { otherUpload } from "./read_back.ts";
import type { TaggedImage } from "./tagged_image.ts";
import type { FoundTags } from "./tag_look.ts";

/** What a tag holds since this upload put it, or found its image there. There may be 100,000 of them. */
export interface HeldTag {
  tag: string;
  /** The chunk, from 1. */
  number: number;
  /** The digest of the manifest, in the family in which it was stored. */
  digest: Digest;
  /** What the tag held before. */
  before: Digest | undefined;
}

/**
 * The tags that one upload holds. Registries have no locks, and another machine may store something else under the same name
 * at the same time. Two tags show it: that of chunk 1, which every upload puts first, and the highest.
 */
export class HeldTags {
  readonly #held: Map<string, HeldTag> = new Map();
  #first: HeldTag | undefined;
  #highest: HeldTag | undefined;

  /** All of them, each once, in the order in which they were first noted. */
  get all(): Iterable<HeldTag> {
    return this.#held.values();
  }

  /** The tag of chunk 1; `undefined` = it was not put yet. */
  get first(): HeldTag | undefined {
    return this.#first;
  }

  /** The tag with the highest number. */
  get highest(): HeldTag | undefined {
    return this.#highest;
  }

  /** The tags that show whether another upload came in between. */
  get deciding(): string[] {
    return this.#deciding().map(({ tag }) => tag);
  }

  /** Notes what the tag of an image holds now, and what it held before. */
  note({ tag, number }: TaggedImage, now: Pick<HeldTag, "digest" | "before">): void {
    const held = { tag, number, ...now };
    this.#held.set(tag, held);
    if (number === 1) this.#first = held;
    if (number >= (this.#highest?.number ?? 0)) this.#highest = held;
  }

  /** Of some manifests, those that no tag of this upload holds. */
  without(manifests: Iterable<Digest>): Digest[] {
    const held = new Set([...this.#held.values()].map(({ digest }) => digest));
    return [...manifests].filter((digest) => !held.has(digest));
  }

  /**
   * Makes sure that the first and the highest tag hold what this upload put there. A registry may lag behind what it has
   * stored: a tag that is still missing, or still holds what it held before, is taken for ours.
   *
   * @param found what these tags hold now
   * @throws {ConflictError} if one holds something else: another upload came in between
   */
  requireOwn(found: FoundTags): void {
    for (const { tag, digest, before } of this.#deciding()) {
      const now = found.get(tag);
      if (now === undefined || now === digest || now === before) continue;
      throw otherUpload(tag);
    }
  }

  #deciding(): HeldTag[] {
    return [this.#first, this.#highest].filter((held) => held !== undefined);
  }
}
