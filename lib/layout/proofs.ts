/** Proves that files hold the bytes of their digests: each file once, for as long as it stays the same. @module */
import type { FollowingHash, Hasher } from "../content/hasher.ts";
import { algorithmOf, type Digest } from "../oci/digest.ts";
import type { BlobProof } from "../store/store.ts";

/** How many proven files are remembered. Each takes some 200 bytes of memory. */
const MOST = 10_000;

/** The proof of a file that was hashed before: it must be the same one when it was read. */
function proofBefore(path: string, identity: string): BlobProof {
  return {
    see() {},
    isRight: () => isStill(path, identity),
    [Symbol.dispose]() {},
  };
}

/** The proofs of one layout's blobs. */
export class Proofs {
  readonly #hasher: Hasher;
  /** Which files were proven, by digest; the one that was proven first comes first. */
  readonly #proven: Map<Digest, string> = new Map();
  readonly #running: Map<Digest, RunningProof> = new Map();

  /** @param hasher hashes the files */
  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** Begins the proof of a file, or joins the one that runs: a hundred readers need one. `undefined` = there is no file. */
  async begin(digest: Digest, path: string): Promise<BlobProof | undefined> {
    const file = await fileAt(path);
    if (!file) return undefined;
    if (this.#proven.get(digest) === file.identity) return proofBefore(path, file.identity);
    let running = this.#running.get(digest);
    if (running?.file.identity !== file.identity) {
      running = new RunningProof(
        { digest, path, ...file },
        this.#hasher.follow(path, 0, algorithmOf(digest)),
      );
      this.#running.set(digest, running);
    }
    return running.join((isProven) => this.#end(running, isProven));
  }

  #end(running: RunningProof, isProven: boolean): void {
    const { digest, identity } = running.file;
    if (this.#running.get(digest) === running) this.#running.delete(digest);
    if (!isProven) return;
    this.#proven.delete(digest);
    this.#proven.set(digest, identity);
    for (const oldest of this.#proven.keys()) {
      if (this.#proven.size <= MOST) return;
      this.#proven.delete(oldest);
    }
  }
}

/** A file and its digest. */
interface ProvenFile {
  digest: Digest;
  path: string;
  /** What tells this file from another one at the same path, and from itself after a change. */
  identity: string;
  /** In bytes. */
  size: number;
}

/** The proof of a file that its readers have in common. It ends when the last of them has gone. */
class RunningProof {
  readonly file: ProvenFile;
  readonly #hash: FollowingHash;
  #readers = 0;
  /** How far the reader has come that has come furthest. */
  #furthest = 0;
  /** Whether the file has its digest; absent = nobody has read all of it yet. */
  #isOfDigest: Promise<boolean> | undefined;

  constructor(file: ProvenFile, hash: FollowingHash) {
    this.file = file;
    this.#hash = hash;
  }

  /** @param onEnd is told whether the file is proven, when nobody needs the proof any more */
  join(onEnd: (isProven: boolean) => void): BlobProof {
    this.#readers++;
    let position = 0;
    return {
      see: ({ length }) => {
        position += length;
        if (position > this.#furthest) this.#hash.advance(this.#furthest = position);
      },
      isRight: async () => {
        const { path, identity } = this.file;
        this.#isOfDigest ??= this.#compareDigests();
        const isRight = await this.#isOfDigest.catch((error) => {
          onEnd(false); // the next reader begins anew: what failed may not fail again
          throw error;
        }) && await isStill(path, identity);
        onEnd(isRight);
        return isRight;
      },
      [Symbol.dispose]: () => {
        if (--this.#readers > 0 || this.#isOfDigest) return;
        this.#hash.drop();
        onEnd(false);
      },
    };
  }

  async #compareDigests(): Promise<boolean> {
    const { digest, size } = this.file;
    return await this.#hash.digest(size) === digest;
  }
}

/** Whether a file is the same as before. Who reads one that is replaced or changed meanwhile reads other bytes. */
async function isStill(path: string, identity: string): Promise<boolean> {
  return (await fileAt(path))?.identity === identity;
}

/** The time of the last change (`ctime`) tells of one that has set the time of modification back, as `rsync --inplace` does. */
async function fileAt(path: string): Promise<Pick<ProvenFile, "identity" | "size"> | undefined> {
  try {
    const { isFile, size, dev, ino, ...times } = await Deno.stat(path);
    const [modified, changed] = [times.mtime, times.ctime].map((time) => time?.getTime());
    return isFile ? { size, identity: [dev, ino, size, modified, changed].join() } : undefined;
  } catch {
    return undefined; // reading it tells what is wrong
  }
}
