/** Claims: they keep blobs that no manifest lists yet from being deleted as garbage. @module */
import type { Digest } from "../oci/digest.ts";
import { closingOnce, type Draft, LOCKS } from "./drafts.ts";

/** How many files of claimed blobs stay open. Beyond that the oldest are closed, and other processes do not see the claims. */
const MAX_OPEN = 256;

/**
 * The claims of one store: each is on a blob that it has written or found for a manifest to come, and ends when a manifest
 * lists the blob. A blob may have several. The file of a claimed blob stays locked, and so other processes see the claim.
 */
export class Claims implements Disposable {
  /** The claims on each blob, the oldest first: the file, where it is kept open. There may be 200,000 of them. */
  readonly #held: Map<Digest, (Disposable | undefined)[]> = new Map();
  /** The open files of claimed blobs, the oldest first. */
  readonly #open: Set<Disposable> = new Set();

  /** Claims a blob that was just named. The caller has locked the layout. */
  async add(digest: Digest, draft: Draft): Promise<void> {
    if (LOCKS) await draft.file.lock(false).catch(() => {}); // shared: several may have claims; see makeDraft on file systems without locks
    this.#hold(digest, draft);
  }

  /** Claims a blob that exists. The caller has locked the layout. */
  async addFound(digest: Digest, path: string): Promise<void> {
    if (!LOCKS) return this.#hold(digest);
    const file = await Deno.open(path, { read: true });
    await file.lock(false).catch(() => {});
    this.#hold(digest, { [Symbol.dispose]: closingOnce(file) });
  }

  #hold(digest: Digest, file?: Disposable): void {
    const claims = this.#held.get(digest);
    if (claims) claims.push(file);
    else this.#held.set(digest, [file]);
    if (file) this.#open.add(file);
    const [oldest] = this.#open;
    if (this.#open.size > MAX_OPEN) this.#close(oldest);
  }

  #close(file: Disposable | undefined): void {
    if (!file) return;
    file[Symbol.dispose]();
    this.#open.delete(file);
  }

  /** Ends one claim on each of these blobs: the oldest, because later writes have replaced its file. */
  end(digests: Iterable<Digest>): void {
    for (const digest of digests) {
      const claims = this.#held.get(digest);
      this.#close(claims?.shift());
      if (claims?.length === 0) this.#held.delete(digest);
    }
  }

  /** Whether this store or another process has a claim on the blob. */
  async has(digest: Digest, path: string): Promise<boolean> {
    if (this.#held.has(digest)) return true;
    return LOCKS && await isLocked(path);
  }

  /** Ends all claims. */
  [Symbol.dispose](): void {
    for (const file of this.#open) file[Symbol.dispose]();
    this.#open.clear();
    this.#held.clear();
  }
}

async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true });
    return !await file.tryLock(true);
  } catch {
    return false; // it is gone, or the file system has no locks: then nobody can have claimed it
  }
}
