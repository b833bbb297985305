/** Content for a store: it can be opened, and its digest is known when all of it was read. @module */
import { InvalidInputError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { kindOf } from "../messages.ts";

/** The bytes from `start` up to, and not including, `end`. */
export interface ByteRange {
  /** The first byte, counted from 0. */
  start: number;
  /** The byte after the last. */
  end: number;
}

/**
 * Bytes to be written to a store.
 *
 * - `open` gives the bytes from `start` up to `end`. It may be called again. If `once` is set, it is called once, and
 *   without a range. Each piece is valid until the next one is asked for: its buffer may be used again.
 *   A source that has neither `once` nor a size makes its bytes each time that it is opened, from `start` to the end.
 * - `digest` resolves to the digest of *all* bytes. It may take as long as reading them, and runs beside the transfer. If
 *   `once` is set, or the size is not known, it resolves when the opened stream has ended.
 */
export interface Source {
  /** The number of bytes; `undefined` until the end is known. */
  readonly size: number | undefined;
  /** Set if the bytes can be read only once, such as those of standard input. */
  readonly once?: boolean;
  /**
   * The digest that an earlier run computed, if nothing has changed since, as far as that shows. It serves to find blobs
   * that already exist; bytes that are sent are hashed again, and get a digest of the same algorithm.
   */
  readonly known?: Digest | undefined;
  /** The bytes from `start` (absent = 0) up to, but not including, `end` (absent = the size). */
  open(start?: number, end?: number): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The digest of all bytes. `onBytes` of the first call receives the progress, if they have to be hashed. */
  digest(onBytes?: (bytes: number) => void): Promise<Digest>;
}

/**
 * Bytes in memory.
 *
 * @throws {InvalidInputError} if they are not a Uint8Array
 *
 * @example
 * ```ts
 * import { bytesSource } from "@layerstash/cli/store";
 * const source = bytesSource(new TextEncoder().encode("hello"));
 * if (source.size !== 5) throw new Error("unexpected size");
 * if (await new Response(source.open(1)).text() !== "ello") throw new Error("unexpected bytes");
 * ```
 */
export function bytesSource(bytes: Uint8Array<ArrayBuffer>): Source {
  if (!(bytes instanceof Uint8Array)) {
    throw new InvalidInputError(`${kindOf(bytes)} is not a Uint8Array`, {
      hint: "a TextEncoder makes bytes of text",
    });
  }
  return {
    size: bytes.length,
    open: (start, end) => streamOf(bytes.subarray(start, end)),
    digest: () => Promise.resolve(digestOf(bytes)),
  };
}

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
