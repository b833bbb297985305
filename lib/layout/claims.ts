/** Blobs that were written to a layout, and that no manifest lists yet: removals leave them alone. @module */
import type { Digest } from "../oci/digest.ts";
import { closingOnce, type Draft, LOCKS } from "./drafts.ts";

/** So many files of claimed blobs stay open at once; beyond, the oldest are closed, and other processes see no claim. */
const MOST = 256;

/**
 * The blobs that one store has written, or found, for a manifest that comes next. Each is a claim, and each time that a
 * manifest lists the blob ends one. The file of a claimed blob stays locked, by which other processes see it.
 */
export class LayoutClaims implements Disposable {
  /** The oldest first. */
  #held: { digest: Digest; file?: Disposable | undefined }[] = [];
  /** Those of them whose files are open. */
  readonly #open: Set<Disposable> = new Set();

  /** Claims a blob that has just got its name; the layout is locked meanwhile. */
  async add(digest: Digest, draft: Draft): Promise<void> {
    if (LOCKS) await draft.file.lock(false).catch(() => {}); // several may have claims; without locks: see makeDraft
    this.#hold(digest, draft);
  }

  /** Claims a blob that is there; the layout is locked meanwhile. */
  async addFound(digest: Digest, path: string): Promise<void> {
    if (!LOCKS) return this.#hold(digest);
    const file = await Deno.open(path, { read: true });
    await file.lock(false).catch(() => {});
    this.#hold(digest, { [Symbol.dispose]: closingOnce(file) });
  }

  #hold(digest: Digest, file?: Disposable): void {
    this.#held.push({ digest, file });
    if (file) this.#open.add(file);
    const [oldest] = this.#open;
    if (this.#open.size > MOST) this.#close(oldest);
  }

  #close(file: Disposable | undefined): void {
    if (!file) return;
    file[Symbol.dispose]();
    this.#open.delete(file);
  }

  /** Ends one claim for each of these digests. The oldest goes first: later writes have replaced its file. */
  end(digests: Iterable<Digest>): void {
    for (const digest of digests) {
      const index = this.#held.findIndex((claim) => claim.digest === digest);
      if (index >= 0) this.#close(this.#held.splice(index, 1)[0]!.file);
    }
  }

  /** Whether this store, or another process, has written the blob and not listed it yet. */
  async has(digest: Digest, path: string): Promise<boolean> {
    if (this.#held.some((claim) => claim.digest === digest)) return true;
    return LOCKS && await isLocked(path);
  }

  /** Ends all claims. */
  [Symbol.dispose](): void {
    for (const { file } of this.#held) this.#close(file);
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
