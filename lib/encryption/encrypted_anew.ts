/** Plain content that is encrypted anew, under another nonce, each time that it is read. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { type Digest, DigestHash } from "../oci/digest.ts";
import { type AgeHeader, newNonce } from "./age_header.ts";
import { encryptedPieces } from "./encrypted_source.ts";

/** A reading: an age file, as far as it was read. */
export interface EncryptedReading {
  /** The nonce of the age file. */
  nonce: Uint8Array<ArrayBuffer>;
  /** How many plain bytes were read. */
  plainSize: number;
}

/**
 * A source that encrypts another one as an age file, each time with a nonce of its own: so no nonce ever serves for two
 * contents, also where the plain bytes are not the same when they are read again. The price is that the sending cannot go on
 * in the middle: each reading begins at the beginning.
 */
export class EncryptedAnew implements Source {
  readonly size = undefined;
  readonly once: boolean;
  readonly #plain: Source;
  readonly #header: AgeHeader;
  #reading: EncryptedReading | undefined;
  /** The digest of what is being read; absent = nobody has asked for it. */
  #digest: PromiseWithResolvers<Digest> | undefined;

  /** Encrypts nothing yet. */
  constructor(plain: Source, header: AgeHeader) {
    this.once = plain.once ?? false;
    [this.#plain, this.#header] = [plain, header];
  }

  /** The last reading. */
  get reading(): EncryptedReading {
    return this.#reading!;
  }

  /** Begins another age file. */
  open(start = 0): ByteStream {
    if (start > 0) throw new TypeError("what is encrypted anew is read from its beginning");
    if (this.#digest && this.#reading) this.#digest = hashed();
    this.#reading = { nonce: newNonce(), plainSize: 0 }; // a reading that was broken off does not count any more
    return streamed(this.#pieces(this.#reading, this.#digest));
  }

  /** The digest of the age file that was opened last, or will be first. To be asked for before the first is read. */
  digest(): Promise<Digest> {
    return (this.#digest ??= hashed()).promise;
  }

  async *#pieces(
    reading: EncryptedReading,
    digest: PromiseWithResolvers<Digest> | undefined,
  ): AsyncGenerator<Bytes> {
    const hash = digest && new DigestHash();
    const beginning = { header: this.#header, nonce: reading.nonce };
    const openPlain = () => countingPieces(this.#plain.open(), (bytes) => reading.plainSize += bytes);
    try {
      for await (const piece of encryptedPieces(openPlain, beginning)) {
        hash?.update(piece);
        yield piece;
      }
      if (hash) digest?.resolve(hash.digest());
    } finally {
      digest?.reject(new Error("the encrypted bytes were not read to their end"));
    }
  }
}

/** A digest to come. Who reads the bytes gets the failure to read them. */
function hashed(): PromiseWithResolvers<Digest> {
  const digest = Promise.withResolvers<Digest>();
  digest.promise.catch(() => {});
  return digest;
}

async function* countingPieces(pieces: ByteStream, count: (bytes: number) => void): AsyncGenerator<Bytes> {
  for await (const piece of pieces) {
    count(piece.length);
    yield piece;
  }
}
