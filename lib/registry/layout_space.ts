/** The space that a layout takes up: what a change of its index leaves behind goes. @module */
import type { Digest } from "../oci/digest.ts";
import type { LayoutBlobs } from "./layout_blobs.ts";
import type { IndexEntry } from "./layout_index.ts";
import { LayoutReach } from "./layout_reach.ts";
import type { RemoveOptions } from "./store.ts";

/** What a layout listed, and what it is to list. */
export interface IndexChange extends Pick<RemoveOptions, "keepBlobs"> {
  entries: IndexEntry[];
  kept: IndexEntry[];
}

/** Finds what is not needed any more, and frees it. */
export class LayoutSpace {
  readonly #blobs: LayoutBlobs;
  readonly #reach: LayoutReach;

  /** @param blobs the blobs of the layout */
  constructor(blobs: LayoutBlobs) {
    this.#blobs = blobs;
    this.#reach = new LayoutReach((digest) => blobs.manifest(digest));
  }

  /** What only entries lead to that are not kept: their manifests, and unless `keepBlobs` is set, all below these. */
  async unneeded({ entries, kept, keepBlobs }: IndexChange): Promise<Digest[]> {
    const listed = new Set(kept.map(({ digest }) => digest));
    const gone = entries.filter(({ digest }) => !listed.has(digest));
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
