/** The space that a layout takes up: what a change of its index leaves behind goes. @module */
import type { Digest } from "../oci/digest.ts";
import { type Manifest, referencesOf } from "../oci/manifest.ts";
import type { LayoutBlobs } from "./blobs.ts";
import type { IndexEntry } from "./index_json.ts";
import { Reachability } from "./reachable.ts";
import type { RemoveOptions } from "../store/store.ts";

/** What a layout listed, and what it is to list. */
export interface IndexChange extends Pick<RemoveOptions, "keepBlobs"> {
  entries: IndexEntry[];
  kept: IndexEntry[];
}

/** Finds what is not needed any more, and frees it. */
export class Garbage {
  readonly #blobs: LayoutBlobs;
  readonly #reach: Reachability;
  /** Entries that were replaced, and are not freed yet. */
  #replaced: IndexEntry[] = [];

  /** @param blobs the blobs of the layout */
  constructor(blobs: LayoutBlobs) {
    this.#blobs = blobs;
    this.#reach = new Reachability((digest) => blobs.manifest(digest));
  }

  /** A manifest with all that it leads to, as far as that can be read. */
  async reached({ digest, bytes }: Manifest): Promise<Iterable<Digest>> {
    return await this.#reach.from(digest).catch(() => new Set(referencesOf(bytes).blobs));
  }

  /** Remembers what a change leaves behind for the next one that frees: what replaces it is not complete yet. */
  freeLater({ entries, kept }: IndexChange): void {
    this.#replaced.push(...notIn(kept, entries));
  }

  /** What only entries lead to that are not kept: their manifests, and unless `keepBlobs` is set, all below these. */
  async unneeded({ entries, kept, keepBlobs }: IndexChange): Promise<Digest[]> {
    const gone = notIn(kept, [...entries, ...keepBlobs ? [] : this.#replaced.splice(0)]);
    if (gone.length === 0) return [];
    const manifests = new Set(gone.map(({ digest }) => digest));
    const unreachable = await this.#reach.unreachable(gone, kept);
    return keepBlobs ? unreachable.filter((digest) => manifests.has(digest)) : unreachable;
  }

  /** Removes blobs, except those that somebody is about to list. */
  async free(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) {
      if (!await this.#blobs.isClaimed(digest)) await this.#blobs.remove(digest);
    }
  }
}

function notIn(kept: readonly IndexEntry[], entries: readonly IndexEntry[]): IndexEntry[] {
  const listed = new Set(kept.map(({ digest }) => digest));
  return entries.filter(({ digest }) => !listed.has(digest));
}
