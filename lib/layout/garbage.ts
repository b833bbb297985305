/** The garbage of a layout: manifests and blobs that were listed, and that no entry of the index leads to any more. @module */
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import { referencesOf } from "../oci/references.ts";
import type { FreeOptions } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import type { IndexEntry } from "./index_entry.ts";
import { Reachability } from "./reachability.ts";

/** What is freed, and what is kept. */
export interface GarbageOptions extends Pick<FreeOptions, "keepBlobs"> {
  /** What the layout lists now, as far as it is understood. */
  listed: readonly IndexEntry[];
  /** What else is needed: a file of another tool names it. */
  needed: ReadonlySet<Digest>;
}

/**
 * Collects what the changes of one store leave unlisted, and deletes it when the store is told to. Garbage of other
 * processes is theirs: they may be about to list it.
 */
export class Garbage {
  readonly #blobs: Blobs;
  readonly #reach: Reachability;
  /** Entries that were dropped from the index, by the tag or digest that named them. */
  readonly #dropped: Map<string, IndexEntry[]> = new Map();

  /** @param blobs the blobs of the layout */
  constructor(blobs: Blobs) {
    this.#blobs = blobs;
    this.#reach = new Reachability((digest) => blobs.manifest(digest));
  }

  /** The digest of a manifest, and those of everything that it leads to, as far as that can be read. */
  async reached({ digest, mediaType, bytes }: Manifest): Promise<Iterable<Digest>> {
    const { blobs, manifests, isComplete } = referencesOf(bytes, mediaType);
    const direct = blobs.map((blob) => blob.digest);
    if (manifests.length === 0 && isComplete) return [digest, ...direct];
    return await this.#reach.from(digest, mediaType).catch(() => new Set(direct));
  }

  /** Remembers entries that a change of the index under this tag or digest has dropped. */
  add(reference: string, dropped: readonly IndexEntry[]): void {
    if (dropped.length > 0) this.#dropped.set(reference, [...this.#of([reference]), ...dropped]);
  }

  /** Whether something was dropped under these tags and digests, and not freed yet. */
  has(references: readonly string[]): boolean {
    return this.#of(references).length > 0;
  }

  /**
   * Deletes what only the entries dropped under these tags and digests led to: their manifests, and all blobs below them
   * unless they are kept. A claimed blob stays: somebody is about to list it. The layout is locked meanwhile.
   */
  async free(references: readonly string[], { listed, needed, keepBlobs }: GarbageOptions): Promise<void> {
    const gone = notIn(listed, this.#of(references));
    const manifests = new Set(gone.map(({ digest }) => digest));
    for (const digest of gone.length > 0 ? await this.#reach.unreachable(gone, listed) : []) {
      if (needed.has(digest) || keepBlobs && !manifests.has(digest)) continue;
      if (!await this.#blobs.isClaimed(digest)) await this.#blobs.remove(digest);
    }
    for (const reference of references) this.#dropped.delete(reference);
  }

  #of(references: readonly string[]): IndexEntry[] {
    return references.flatMap((reference) => this.#dropped.get(reference) ?? []);
  }
}

function notIn(listed: readonly IndexEntry[], entries: readonly IndexEntry[]): IndexEntry[] {
  const digests = new Set(listed.map(({ digest }) => digest));
  return entries.filter(({ digest }) => !digests.has(digest));
}
