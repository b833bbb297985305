/** Sends the bytes of a blob to a registry (OCI distribution spec, "Pushing blobs"). @module */
import { collect } from "../content/collect.ts";
import { exactly } from "../content/exactly.ts";
import type { Source } from "../content/source.ts";
import { RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { RegistryClient } from "./client.ts";
import type { Profile, PushMode } from "./profiles.ts";
import { waitToRetry } from "../http/retry.ts";
import type { WriteOptions } from "./store.ts";
import { UploadSession } from "./upload_session.ts";

/** Up to this size, in bytes, a blob is sent with one PUT: that saves a request, and every registry takes it. */
const SMALL = 1024 * 1024;
/** Parts of a stream that cannot be read again are kept in memory while they are sent. */
const MEMORY_PART = 10 * 1024 * 1024;
/** A registry that refuses every way in turn is not asked for ever. */
const MOST_ADAPTATIONS = 8;

/** What a pusher needs. */
export interface PusherOptions {
  client: RegistryClient;
  profile: Profile;
  /** The size of a blob that is there; `undefined` = absent. */
  stat(digest: Digest, options: { signal?: AbortSignal | undefined }): Promise<number | undefined>;
  onEvent?: OnEvent | undefined;
}

/** Pushes blobs, one or several at a time, and remembers what the registry does not take. */
export class BlobPusher {
  readonly #options: PusherOptions;
  #way: PushWay;

  /** @param options where to, and where to begin */
  constructor(options: PusherOptions) {
    this.#options = options;
    this.#way = { mode: options.profile.push, partSize: options.profile.partSize };
  }

  /** Stores the bytes of a source. See `Store.write`. */
  async push(source: Source, options: WriteOptions): Promise<Descriptor> {
    const { client, stat } = this.#options;
    if (options.checkFirst) {
      const digest = await source.digest();
      const size = await stat(digest, options);
      if (size !== undefined && size === (source.size ?? size)) {
        return { mediaType: OCTET_STREAM, digest, size };
      }
    }
    for (let attempt = 1, adaptations = 0;; attempt++) {
      const sending = new Sending(source, this.#way, options);
      try {
        return await this.#send(sending);
      } catch (error) {
        options.signal?.throwIfAborted();
        const next = wayAfter(error, sending.way);
        if (!next && await this.#arrivedAnyway(sending)) return await sending.descriptor();
        sending.takeBack();
        if (sending.unreadable) throw sending.unreadable.error;
        if (source.once && sending.begun) throw cannotReadAgain(error);
        if (next && adaptations++ < MOST_ADAPTATIONS) {
          this.#adapt(sending.way, next);
          attempt = 0;
        } else await waitToRetry(client.retryContext(options.signal), "a blob", attempt, error);
      }
    }
  }

  async #send(sending: Sending): Promise<Descriptor> {
    const { source: { size, once }, way } = sending;
    const session = await UploadSession.open(this.#options.client, sending.signal);
    if (size !== undefined && size <= SMALL) {
      const bytes = await collect(sending.stream(), size);
      await session.commit(await sending.source.digest(), bytes);
    } else if (way.mode === "put" && size !== undefined) {
      const digest = await sending.source.digest();
      await session.commit(digest, { stream: sending.stream(), size });
    } else {
      sending.source.digest().catch(() => {}); // hashed beside the wire; a failure shows when it is awaited
      if (way.mode === "parts") await (once ? sendFromMemory(sending, session) : sendParts(sending, session));
      else await session.append({ stream: sending.stream(), size });
      await session.commit(await sending.source.digest());
    }
    return await sending.descriptor();
  }

  /** The answer to a commit may be lost although the blob was stored: that has to be looked at first. */
  async #arrivedAnyway(sending: Sending): Promise<boolean> {
    if (!sending.complete) return false;
    const digest = await sending.source.digest().catch(() => undefined);
    if (!digest) return false;
    return await this.#options.stat(digest, sending).catch(() => undefined) !== undefined;
  }

  /** Goes over to what the registry may take instead. */
  #adapt(refused: PushWay, next: PushWay): void {
    if (refused !== this.#way) return; // another blob has met the same refusal before
    this.#way = next;
    const how = next.mode === "parts" ? `in parts of ${next.partSize / 1024 ** 2} MiB` : HOW[next.mode];
    const message =
      `${this.#options.client.host} does not take blobs as they were sent; sending them ${how} now`;
    this.#options.onEvent?.({ type: "notice", message });
  }
}

async function sendParts(sending: Sending, session: UploadSession): Promise<void> {
  const size = sending.source.size ?? 0;
  const partSize = session.partSize(sending.way.partSize);
  while (session.offset < size) {
    const start = session.offset;
    const end = Math.min(size, start + partSize);
    await session.append({ stream: sending.stream(start, end), size: end - start }, { ranged: true });
  }
}

async function sendFromMemory(sending: Sending, session: UploadSession): Promise<void> {
  const partSize = session.partSize(Math.min(sending.way.partSize, MEMORY_PART));
  for await (const part of inParts(sending.stream(), partSize)) await session.append(part, { ranged: true });
}

const HOW = { stream: "as one stream", put: "with one PUT" };

/** How the bytes go up at the moment. */
export interface PushWay {
  mode: PushMode;
  /** In bytes. */
  partSize: number;
}

const PART_SIZES = [60, 15, 4, 1].map((mebibytes) => mebibytes * 1024 ** 2);

/** The next way to try when a registry refuses one; `undefined` = the error says nothing about the way. */
export function wayAfter(error: unknown, { mode, partSize }: PushWay): PushWay | undefined {
  const status = error instanceof RegistryError ? error.status : undefined;
  if (status === 413) {
    const smaller = PART_SIZES.find((size) => mode !== "parts" || size < partSize);
    return smaller === undefined ? undefined : { mode: "parts", partSize: smaller };
  }
  if (status === 416 && mode === "parts") return { mode: "stream", partSize };
  if (status === 405 && mode !== "put") return { mode: "put", partSize };
  if (status === 411 && mode === "stream") return { mode: "parts", partSize };
  return undefined;
}

/** One attempt to send a source: counts what went out, and gives it back when it was in vain. */
class Sending {
  readonly source: Source;
  readonly way: PushWay;
  readonly signal: AbortSignal | undefined;
  readonly #onBytes: WriteOptions["onBytes"];
  #sent = 0;
  #ended = false;
  begun = false;
  /** What went wrong with the source: nothing that another attempt would mend. */
  unreadable: { error: unknown } | undefined;

  constructor(source: Source, way: PushWay, { onBytes, signal }: WriteOptions) {
    this.source = source;
    this.way = way;
    this.signal = signal;
    this.#onBytes = onBytes;
  }

  /** Whether all bytes went out. */
  get complete(): boolean {
    return this.source.size === undefined ? this.#ended : this.#sent === this.source.size;
  }

  /** The bytes, counted as they go. */
  stream(start?: number, end?: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
    return new ReadableStream({
      pull: async (controller) => {
        this.begun = true;
        reader ??= this.#open(start, end); // not before: a request may fail ahead of its body
        const { done, value } = await reader.read().catch((error) => {
          this.unreadable = { error };
          throw error;
        });
        this.signal?.throwIfAborted(); // a source that was let go of has ended too
        if (done) {
          this.#ended = true;
          return controller.close();
        }
        this.#sent += value.length;
        this.#onBytes?.(value.length);
        controller.enqueue(value);
      },
      cancel: (reason) => reader?.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Opens the source. One that has nothing to say for the moment, as standard input, is let go of by the signal. */
  #open(start?: number, end?: number): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> {
    const { size } = this.source;
    const expected = size === undefined ? undefined : (end ?? size) - (start ?? 0);
    const reader = exactly(this.source.open(start, end), expected).getReader();
    this.signal?.addEventListener("abort", () => void reader.cancel(this.signal?.reason).catch(() => {}), {
      once: true,
    });
    return reader;
  }

  takeBack(): void {
    this.#onBytes?.(-this.#sent);
  }

  async descriptor(): Promise<Descriptor> {
    return { mediaType: OCTET_STREAM, digest: await this.source.digest(), size: this.#sent };
  }
}

function cannotReadAgain(error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  return new RegistryError(error.message, {
    status: error.status,
    codes: error.codes,
    cause: error,
    hint:
      "this input can be read only once, so the chunk cannot be sent again; store a file instead, or start over",
  });
}

/** Gathers a stream into parts of a size; the last may be smaller. */
async function* inParts(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = new Uint8Array(size);
  let filled = 0;
  for await (let piece of stream) {
    for (; piece.length > 0;) {
      const taken = piece.subarray(0, size - filled);
      part.set(taken, filled);
      filled += taken.length;
      piece = piece.subarray(taken.length);
      if (filled < size) continue;
      yield part;
      part = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
