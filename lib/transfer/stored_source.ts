/** A blob of one store as content for another. @module */
import type { Bytes } from "../content/bytes.ts";
import { RunningHash } from "../content/running_hash.ts";
import type { Source } from "../content/source.ts";
import { withoutProgress } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { algorithmOf, corrupted } from "../oci/digest.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { pull } from "./pull.ts";

/** What a stored source takes beside the blob. */
export interface StoredSourceOptions extends CallOptions {
  /** What messages call the blob, such as `chunk 3`; absent = by its digest. */
  what?: string | undefined;
}

/**
 * The bytes of a blob, verified as they flow: the last ones are passed on only if the digest is right, so no store ever gets
 * all of a corrupted blob.
 */
export function storedSource(
  store: BlobReader,
  { digest, size }: SizedBlob,
  { signal, onEvent, what }: StoredSourceOptions = {},
): Source {
  const hash = new RunningHash(algorithmOf(digest));
  const isGood = (bytes: Bytes, offset: number) => {
    hash.see(bytes, offset);
    return hash.position < size || hash.digest(size) === digest;
  };
  return {
    size,
    known: digest,
    digest: () => Promise.resolve(digest),
    open(start = 0, end = size) {
      const range = { start, end };
      const pieces = pull(store, {
        digest,
        size,
        what,
        range,
        orWhole: true,
        signal,
        // What is fetched is sent at once, and counted there.
        onEvent: withoutProgress(onEvent ?? store.onEvent),
      });
      let offset = start;
      return new ReadableStream<Bytes>({
        async pull(controller) {
          const { done, value = new Uint8Array() } = await pieces.next(); // a blob may have no bytes
          if (!isGood(value, offset)) {
            await pieces.return();
            throw corrupted(digest);
          }
          if (done) return controller.close();
          offset += value.length;
          controller.enqueue(value);
        },
        cancel: () => void pieces.return(),
      }, { highWaterMark: 0 });
    },
  };
}
