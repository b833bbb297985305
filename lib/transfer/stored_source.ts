/** A blob of one store as content for another. @module */
import { createHash } from "node:crypto";
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { withoutProgress } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { corrupted, type Digest } from "../oci/digest.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { pull } from "./pull.ts";

/**
 * The bytes of a blob, verified as they flow: the last ones are passed on only if the digest is right, so no store ever gets
 * all of a corrupted blob.
 */
export function storedSource(
  store: BlobReader,
  { digest, size }: SizedBlob,
  { signal, onEvent }: CallOptions = {},
): Source {
  const check = new RunningCheck(digest, size);
  return {
    size,
    known: digest,
    digest: () => Promise.resolve(digest),
    open(start = 0, end = size) {
      const range = { start, end };
      const pieces = pull(store, {
        digest,
        size,
        range,
        orWhole: true,
        signal,
        // What is fetched is sent at once, and counted there.
        onEvent: withoutProgress(onEvent ?? store.onEvent),
      });
      let offset = start;
      return new ReadableStream<Bytes>({
        async pull(controller) {
          const { done, value } = await pieces.next();
          if (done) {
            check.see(new Uint8Array(), offset); // of a blob without bytes
            return controller.close();
          }
          const piece = value.slice(); // the buffer is used again while this piece is on its way
          check.see(piece, offset);
          offset += piece.length;
          controller.enqueue(piece);
        },
        cancel: () => void pieces.return(),
      }, { highWaterMark: 0 });
    },
  };
}

/** Hashes bytes that arrive in order, some of them again. */
class RunningCheck {
  readonly #hash = createHash("sha256");
  readonly #digest: Digest;
  readonly #size: number;
  #position = 0;
  #good: boolean | undefined;

  constructor(digest: Digest, size: number) {
    this.#digest = digest;
    this.#size = size;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {MismatchError} if the last byte shows that the blob is corrupted
   */
  see(bytes: Bytes, offset: number): void {
    const fresh = bytes.subarray(Math.max(0, this.#position - offset));
    if (offset <= this.#position && fresh.length > 0) {
      this.#hash.update(fresh);
      this.#position += fresh.length;
    }
    if (this.#position < this.#size) return;
    this.#good ??= `sha256:${this.#hash.digest("hex")}` === this.#digest;
    if (this.#good) return;
    throw corrupted(this.#digest);
  }
}
