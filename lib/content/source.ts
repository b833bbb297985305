/** Content that is on its way into a store: it can be opened, and knows its digest when all of it was read. @module */
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
 * - `open` gives the bytes from `start` up to `end`. It may be called again, unless `once` is set; then it is
 *   called without a range.
 * - `digest` resolves to the digest of *all* the bytes. It may take as long as reading them does, and runs
 *   beside the transfer. Where `once` is set it resolves when the opened stream has ended.
 */
export interface Source {
  /** The number of bytes; `undefined` while the end has not been seen. */
  readonly size: number | undefined;
  /** Set where the bytes can be read one time only, as those of standard input. */
  readonly once?: boolean;
  /**
   * The digest as it was computed before, where nothing has been seen to change since. It serves to find out what is
   * there already; what is sent is hashed once more.
   */
  readonly known?: Digest | undefined;
  /** The bytes from `start` (0 where absent) up to, and not with, `end` (the size where absent). */
  open(start?: number, end?: number): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The digest of all the bytes. Who asks first is told of the bytes that are hashed for it, where they are hashed anew. */
  digest(onBytes?: (bytes: number) => void): Promise<Digest>;
}

/**
 * Bytes that are in memory.
 *
 * @throws {InvalidInputError} when they are anything but a Uint8Array
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
    throw new InvalidInputError(`${kindOf(bytes)} is no Uint8Array`, {
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
