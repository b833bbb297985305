/** Hashes plain files as the age files that they came from: encrypted again, they have to have the same digests. @module */
import type { Bytes } from "../content/bytes.ts";
import type { FileHasher, FollowedBlob, FollowingHash } from "../content/hasher.ts";
import { MismatchError } from "../errors.ts";
import { algorithmOf, type Digest } from "../oci/digest.ts";
import { type AgeBeginning, digestOfPieces, encryptedPieces } from "./encrypted_source.ts";

/** The most that one read takes, in bytes. */
const PIECE = 256 * 1024;
/** Below this many bytes, the hashing begins when all are there. */
const WORTH_FOLLOWING = 16 * 1024 * 1024;

/** Hashes age files that lie decrypted in a file, end to end. The same key, nonce and bytes give the same age file. */
export class SealedHasher implements FileHasher {
  readonly #beginnings: ReadonlyMap<Digest, AgeBeginning>;
  readonly #followed: Set<GrowingRange> = new Set();

  /** @param beginnings what each age file begins with, by its digest */
  constructor(beginnings: ReadonlyMap<Digest, AgeBeginning>) {
    this.#beginnings = beginnings;
  }

  /** Begins to hash an age file while its plain bytes are written. */
  followBlob(path: string, { at: start, digest: expected }: FollowedBlob): FollowingHash {
    const plain = new GrowingRange(path, start);
    this.#followed.add(plain);
    const beginning = this.#beginnings.get(expected)!;
    const algorithm = algorithmOf(expected);
    let digest: Promise<Digest> | undefined;
    const hash = () => {
      digest ??= digestOfPieces(encryptedPieces(() => plain.pieces(), beginning), { algorithm });
      digest.finally(() => this.#followed.delete(plain)).catch(() => {}); // whoever asks for it gets the error
      return digest;
    };
    return {
      advance(to) {
        plain.advance(to);
        if (to - start > WORTH_FOLLOWING) hash();
      },
      digest(end) {
        plain.finish(end);
        return hash();
      },
      drop: () => plain.drop(),
    };
  }

  /** Ends all that is under way. */
  [Symbol.dispose](): void {
    for (const plain of this.#followed) plain.drop();
  }
}

/** A range of a file that is still being written. */
class GrowingRange {
  readonly #path: string;
  readonly #start: number;
  /** All bytes before this offset are final. */
  #final: number;
  #end: number | undefined;
  #isDropped = false;
  /** Open while it is read. */
  #file: Deno.FsFile | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(path: string, start: number) {
    [this.#path, this.#start, this.#final] = [path, start, start];
  }

  advance(to: number): void {
    this.#final = Math.max(this.#final, to);
    this.#wake();
  }

  finish(end: number): void {
    this.#end = end;
    this.advance(end);
  }

  /** Closes the file at once: nobody waits until the hashing has noticed. */
  drop(): void {
    this.#isDropped = true;
    this.#close();
    this.#wake();
  }

  /** The bytes, as soon as they are final. */
  async *pieces(): AsyncGenerator<Bytes, void> {
    const buffer = new Uint8Array(PIECE);
    try {
      for (let position = this.#start; position !== this.#end;) {
        const file = this.#openFile();
        const read = file.readSync(buffer.subarray(0, this.#final - position));
        if (read === null) throw new MismatchError(`the file ended at byte ${position} while it was read`);
        if (read === 0) await this.#changed.promise;
        position += read;
        if (read > 0) yield buffer.subarray(0, read);
      }
    } finally {
      this.#close();
    }
  }

  #openFile(): Deno.FsFile {
    if (this.#isDropped) throw new MismatchError("the hashing was stopped");
    if (!this.#file) {
      this.#file = Deno.openSync(this.#path);
      this.#file.seekSync(this.#start, Deno.SeekMode.Start);
    }
    return this.#file;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
