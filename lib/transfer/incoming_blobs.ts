/** The blobs that one transfer fetches: what is left to fetch, and what follows when a blob was fetched. @module */
import { WorkQueue } from "../async/work_queue.ts";
import type { ByteRange } from "../content/source.ts";
import { totalSize } from "../oci/descriptor.ts";
import { corrupted } from "../oci/digest.ts";
import { ByteRanges } from "./byte_ranges.ts";
import { IncomingBlob, type IncomingOptions, type Outcome } from "./incoming_blob.ts";
import type { PlacedBlob } from "./placed_blob.ts";

/**
 * The blobs of one transfer, each until the file has it, verified. A blob is fetched once more if the store refuses to give
 * parts, or if bytes that the file had before have turned out to be wrong.
 */
export class IncomingBlobs {
  /** The blobs of which the file is said to have everything. They are only verified. Each is made when it is asked for. */
  readonly present: Iterable<IncomingBlob>;
  /** The blobs that are still to be fetched, perhaps once more. */
  readonly queue: WorkQueue<IncomingBlob>;
  readonly #options: IncomingOptions;
  /** Whether the store is known to give whole blobs only. */
  #wholeOnly = false;

  /**
   * Finds out which blobs have to be fetched.
   *
   * @param options where the blobs come from, and where they go
   */
  constructor(blobs: readonly PlacedBlob[], options: Omit<IncomingOptions, "onRefused" | "after">) {
    this.#options = { ...options, onRefused: (error) => this.#onRefused(error) };
    const isPresent = (blob: PlacedBlob) => isWhole(options.log.present(blob), blob);
    this.present = this.#begin(blobs.filter(isPresent));
    this.queue = new WorkQueue(this.#begin(blobs.filter((blob) => !isPresent(blob))), blobs.length);
  }

  /**
   * Acts on what became of a blob: it is complete, or fetched once more.
   *
   * @throws {MismatchError} if the store's bytes do not have the blob's digest
   */
  settle(incoming: IncomingBlob, outcome: Outcome): void {
    if (outcome === "good") return this.#finish(incoming);
    if (outcome === "refused") return this.#startOver(incoming, Infinity);
    this.#options.log.bad(incoming.blob);
    if (incoming.reused === 0) throw corrupted(incoming.blob.digest);
    this.#startOver(incoming, this.#options.partSize);
  }

  /** The blob itself, or, where the store is known to give whole blobs only, one that is fetched as one part. */
  asGiven(incoming: IncomingBlob): IncomingBlob {
    if (!this.#wholeOnly || incoming.isWhole) return incoming;
    incoming.drop();
    return this.#anew(incoming, Infinity);
  }

  /** The blobs, each with what the file has of it, and with how many bytes are fetched after it. There may be 100,000. */
  *#begin(blobs: readonly PlacedBlob[]): Generator<IncomingBlob, undefined> {
    let after = totalSize(blobs);
    for (const blob of blobs) {
      after -= blob.size;
      yield new IncomingBlob(blob, this.#options.log.present(blob), { ...this.#options, after });
    }
  }

  #finish({ blob, missing }: IncomingBlob): void {
    const { log, onEvent } = this.#options;
    log.complete(blob);
    const { number: index, digest, size } = blob;
    onEvent?.({ type: "blob", index, state: missing.length > 0 ? "fetched" : "present", digest, size });
    this.queue.settle();
  }

  #startOver(incoming: IncomingBlob, partSize: number): void {
    incoming.takeBack();
    this.queue.add(this.#anew(incoming, partSize));
  }

  #anew({ blob }: IncomingBlob, partSize: number): IncomingBlob {
    return new IncomingBlob(blob, [], { ...this.#options, partSize });
  }

  /** Says once that the store gives whole blobs only. */
  #onRefused({ message }: Error): void {
    if (this.#wholeOnly) return;
    this.#wholeOnly = true;
    this.#options.onEvent?.({
      type: "notice",
      message: `${message}: each blob is fetched over one connection`,
    });
  }
}

/** Whether a file that has these ranges of a blob has all of it. Of an empty blob it may have an empty one. */
function isWhole(present: readonly ByteRange[], { size }: PlacedBlob): boolean {
  return present.length > 0 && new ByteRanges(present).beforeGap >= size;
}
