/** The first bytes of a blob, asked for before it is certain that they are wanted: that saves a round trip. @module */
import type { Bytes } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import type { OnEvent } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { CallOptions, ReadOptions, StoreReader } from "../store/store.ts";

/** The largest blob of which bytes are asked for ahead. For a larger one a round trip is nothing. */
const MOST = 16 * 1024 * 1024;

/** A request that is under way. */
interface AheadRead {
  blob: SizedBlob;
  range: ByteRange | undefined;
  stream: Promise<ReadableStream<Bytes>>;
  end: AbortController;
}

/**
 * Asks for a blob ahead, once. Nobody sees its bytes before somebody asks for just this range of just this blob; if nobody
 * does, disposing of it ends the request.
 */
export class ReadAhead implements AsyncDisposable {
  /** Reads the store, and takes the bytes that are on their way where they are the wanted ones. */
  readonly reader: StoreReader;
  readonly #store: StoreReader;
  readonly #options: CallOptions;
  #ahead: AheadRead | undefined;
  /** Receives what happens to the request: at first whoever began it, then who takes it. */
  #onEvent: OnEvent | undefined;

  /** @param options the signal, and the channel for events */
  constructor(store: StoreReader, options: CallOptions) {
    this.#store = store;
    this.#options = options;
    this.#onEvent = options.onEvent;
    this.reader = withCalls(store, {
      readUnverified: (digest, options = {}) =>
        this.#take(digest, options) ?? store.readUnverified(digest, options),
    });
  }

  /** Asks for a range of a blob that is small; absent = all of it. */
  begin(blob: SizedBlob, range?: ByteRange): void {
    if (blob.size > MOST || this.#ahead) return;
    const { signal } = this.#options;
    const onEvent: OnEvent = (event) => this.#onEvent?.(event);
    const end = new AbortController();
    const both = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
    const body = this.#store.readUnverified(blob.digest, { range, signal: both, onEvent });
    const most = range ? range.end - range.start : blob.size;
    const stream = body.then((body) => receivedAtOnce(body, { most, end }));
    stream.catch(() => {}); // whoever takes it gets its error
    this.#ahead = { blob, range, stream, end };
  }

  #take(digest: string, { range, signal, onEvent }: ReadOptions): Promise<ReadableStream<Bytes>> | undefined {
    const ahead = this.#ahead;
    if (ahead?.blob.digest !== digest) return undefined;
    this.#ahead = undefined;
    if (ahead.range?.start !== range?.start || ahead.range?.end !== range?.end) return void end(ahead);
    this.#onEvent = onEvent;
    signal?.addEventListener("abort", () => ahead.end.abort(signal.reason), { once: true });
    return ahead.stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ahead) await end(this.#ahead);
    this.#ahead = undefined;
  }
}

/**
 * Receives the bytes before anybody reads them: a connection that nobody reads from does not get faster. They are few enough
 * to be kept in memory; of more than were asked for, so many are received that whoever reads them sees it.
 */
function receivedAtOnce(
  body: ReadableStream<Bytes>,
  { most, end }: { most: number; end: AbortController },
): ReadableStream<Bytes> {
  return new ReadableStream({
    type: "bytes",
    async start(controller) {
      let left = most;
      for await (const piece of body) {
        left -= piece.length;
        controller.enqueue(piece);
        if (left < 0) break;
      }
      controller.close();
      controller.byobRequest?.respond(0); // else a reader that waits for more would wait for ever
    },
    cancel: (reason) => end.abort(reason),
  });
}

async function end({ stream, end }: AheadRead): Promise<void> {
  end.abort();
  await stream.then((body) => body.cancel()).catch(() => {});
}
