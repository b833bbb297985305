/** Blobs that were written to a layout, and that no manifest lists yet: removals leave them alone. @module */
import type { Digest } from "../oci/digest.ts";
import { type Draft, LOCKS } from "./layout_drafts.ts";

/** So many blobs are held at once, in files that stay open; beyond, the oldest are let go. */
const MOST = 256;

/**
 * The blobs that one store has written. Each write is a claim, and each time that a manifest lists the blob ends one. The
 * file of a claimed blob stays locked, by which other processes see it.
 */
export class LayoutClaims implements Disposable {
  /** The oldest first. */
  #held: { digest: Digest; draft: Draft }[] = [];

  /** Claims a blob that has just got its name; the layout is locked meanwhile. */
  async add(digest: Digest, draft: Draft): Promise<void> {
    if (LOCKS) await draft.file.lock(false).catch(() => {}); // several may have claims; without locks: see makeDraft
    this.#held.push({ digest, draft });
    if (this.#held.length > MOST) this.#held.shift()!.draft[Symbol.dispose]();
  }

  /** Ends one claim for each of these digests. The oldest goes first: later writes have replaced its file. */
  end(digests: readonly Digest[]): void {
    for (const digest of digests) {
      const index = this.#held.findIndex((claim) => claim.digest === digest);
      if (index >= 0) this.#held.splice(index, 1)[0]!.draft[Symbol.dispose]();
    }
  }

  /** Whether this store, or another process, has written the blob and not listed it yet. */
  async has(digest: Digest, path: string): Promise<boolean> {
    if (this.#held.some((claim) => claim.digest === digest)) return true;
    return LOCKS && await isLocked(path);
  }

  /** Ends all claims. */
  [Symbol.dispose](): void {
    for (const { draft } of this.#held) draft[Symbol.dispose]();
    this.#held = [];
  }
}

async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true });
    return !await file.tryLock(true);
  } catch {
    return false; // it is gone, or there are no locks: then nobody can have claimed it
  }
}
