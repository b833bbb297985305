/**
 * Pushes blobs to a registry (OCI distribution spec, "Pushing blobs"): initiates an upload session, streams the bytes,
 * commits. Where a session breaks, another one begins; where the registry refuses the way of sending, another is tried.
 *
 * @module
 */
import { digestFirst } from "../../content/digest_first.ts";
import type { Source } from "../../content/source.ts";
import { MismatchError, RegistryError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import { OCTET_STREAM } from "../../oci/media_types.ts";
import type { RegistryClient } from "../client.ts";
import type { RegistryProfile } from "../profiles.ts";
import { PartGrowth } from "./part_growth.ts";
import { type ActiveMode, describeMode, fallbackMode } from "./push_mode.ts";
import { type BlobRoute, sendBlob, SMALL } from "./send_blob.ts";
import { CountedSource } from "./counted_source.ts";
import type { BlobOptions, CallOptions, StatOptions, UploadPoint, WriteOptions } from "../../store/store.ts";
import {
  beginUpload,
  type BegunUpload,
  SessionLostError,
  type SessionOptions,
  UploadSession,
} from "./upload_session.ts";
import { BegunUploads } from "./begun_uploads.ts";

/** How often another mode is tried for one blob. A registry may refuse each in turn. */
const MOST_ADAPTATIONS = 8;

/** What a pusher needs. */
export interface PusherOptions {
  client: RegistryClient;
  profile: RegistryProfile;
  /** The size of a blob in bytes; `undefined` = absent. */
  stat(digest: Digest, options: StatOptions): Promise<number | undefined>;
  /** Its size, after its first byte was read. */
  probe(digest: Digest, options: BlobOptions): Promise<number | undefined>;
}

/** Pushes blobs, one or several at a time, and remembers which modes the registry refuses. */
export class BlobPusher {
  readonly #options: PusherOptions;
  readonly #begun: BegunUploads;
  #mode: ActiveMode;
  readonly #growth: PartGrowth;

  /** @param options the registry, and the mode to begin with */
  constructor(options: PusherOptions) {
    this.#options = options;
    this.#begun = new BegunUploads(options.client);
    this.#mode = options.profile;
    this.#growth = new PartGrowth(options.profile.partsGrow);
  }

  /** Gets ready for blobs of these sizes. See `BlobStore.expectWrites`. */
  expect(sizes: readonly number[], options: CallOptions): AsyncDisposable {
    const right = this.#options.client.expectPush();
    const begun = this.#begun.begin(sizes.map((size) => ({ beforeStream: size > SMALL })), options);
    return {
      [Symbol.asyncDispose]: async () => {
        await begun[Symbol.asyncDispose]();
        right[Symbol.dispose]();
      },
    };
  }

  /** Stores the bytes of a source. See `Store.write`. */
  async push(source: Source, options: WriteOptions): Promise<Descriptor> {
    const digest = options.checkFirst ? await digestFirst(source, options) : undefined;
    const { signal, onEvent, what } = options;
    const claimed = digest && await this.#options.stat(digest, { signal, onEvent, what });
    const size = claimed === undefined
      ? undefined
      : await this.#options.probe(digest!, { signal, onEvent, what });
    if (digest && size !== undefined && size === (source.size ?? size)) {
      return { mediaType: OCTET_STREAM, digest, size };
    }
    const counted = new CountedSource(source, options);
    try {
      const sent = await this.#send(counted, options);
      if (size !== undefined) await this.#requireMended(sent, options);
      return sent;
    } catch (error) {
      if (!signal?.aborted) counted.standAt(0); // after an interruption nothing goes out again
      throw error;
    }
  }

  /** Makes sure that a damaged blob was replaced: a registry may take the bytes and drop them (distribution). */
  async #requireMended({ digest, size }: Descriptor, { signal, onEvent, what }: WriteOptions): Promise<void> {
    const found = await this.#options.stat(digest, { size, signal, onEvent, what });
    if (found === undefined || found === size) return;
    const { host } = this.#options.client;
    throw new MismatchError(`${host} keeps a damaged blob: ${digest} has ${found} bytes there, not ${size}`, {
      hint: "store the file with another --chunk-size: its chunks have other digests then; " +
        "or have the registry's owner delete the file of the blob",
    });
  }

  /** Sends the bytes over one session after another, until the registry has them all. */
  async #send(source: CountedSource, options: WriteOptions): Promise<Descriptor> {
    const { checkpoint, signal, onEvent, what } = options;
    const { client, profile } = this.#options;
    const { uploadRangeIsCount } = profile;
    const sessionOptions: SessionOptions = { signal, onEvent, what, checkpoint, uploadRangeIsCount };
    let session = await this.#resume(source, sessionOptions);
    for (let adaptations = 0, broken = false;; broken = true) {
      const mode = this.#mode;
      session ??= new UploadSession(client, await this.#begin(source.content, options), sessionOptions);
      const route = this.#route(source, session, { ...options, mode, broken });
      try {
        await sendBlob(route);
        return await source.descriptor();
      } catch (error) {
        source.requireAnother(error);
        if (isTooLarge(error)) this.#growth.stop(); // what was refused once is not tried again
        const lost = error instanceof SessionLostError;
        const next = !lost && adaptations++ < MOST_ADAPTATIONS ? modeAfter(error, route) : undefined;
        if (next) this.#adapt(mode, next, onEvent);
        else await this.#requireRetry(error, route);
        if (next && isTooLarge(error) && session.offset > 0 && await session.ask()) {
          if (!source.isHeld) source.standAt(session.offset);
          continue; // a proxy refused the part, and the session is as it was
        }
      }
      session.giveUp();
      if (!source.content.once) source.beginAt(0);
      session = undefined;
    }
  }

  /** Begins an upload, unless one was begun for bytes like these. */
  async #begin(
    { size = Infinity, known = "sha256:" }: Source,
    { signal, onEvent, what }: WriteOptions,
  ): Promise<BegunUpload> {
    const [beforeStream, algorithm] = [size > SMALL, algorithmOf(known)];
    return (algorithm === "sha256" ? await this.#begun.take(beforeStream) : undefined) ??
      await beginUpload(this.#options.client, { signal, onEvent, what, beforeStream, algorithm });
  }

  /** Resumes the session that an earlier process left; `undefined` = there is none that saves anything. */
  async #resume(source: CountedSource, options: SessionOptions): Promise<UploadSession | undefined> {
    const point = options.checkpoint?.last;
    const { once, size = once ? 0 : Infinity } = source.content;
    if (!point || size <= SMALL || point.sent > size || this.#mode.push === "put") return undefined;
    this.#learn(point);
    const session = await UploadSession.resume(this.#options.client, point, options);
    if (session) source.beginAt(session.offset);
    return session;
  }

  #route(
    source: CountedSource,
    session: UploadSession,
    { mode, turn, signal, onEvent, broken }: WriteOptions & Pick<BlobRoute, "mode" | "broken">,
  ): BlobRoute {
    const { client, stat } = this.#options;
    const options = { signal, onEvent };
    const exists = async (digest: Digest) => await stat(digest, options).catch(() => undefined) !== undefined;
    const waitAfter = async (error: unknown) => {
      await client.waitToRetry(source.failed(error), options);
      await turn?.giveWay();
    };
    const partSize = this.#growth.first(mode.partSize, source.content.size ?? Infinity);
    const now = () => client.now();
    return { source, session, mode, broken, partSize, growth: this.#growth, now, turn, exists, waitAfter };
  }

  /** Waits until a new session may be tried; throws the error where that would not help. */
  async #requireRetry(error: unknown, { source, session, waitAfter }: BlobRoute): Promise<void> {
    if (error instanceof SessionLostError && !error.givenUp) return;
    if (!(error instanceof MismatchError) || !session.resumed) throw error;
    source.resumable = false; // the registry was wrong about how far the session had come
    const message = `${this.#options.client.host} has other bytes than those that were sent before a break`;
    await waitAfter(new RegistryError(message, { transient: true, cause: error }));
  }

  /** Sends in parts as small as those that an earlier process had come to. */
  #learn({ partSize }: UploadPoint): void {
    if (partSize === undefined || (this.#mode.push === "parts" && this.#mode.partSize <= partSize)) return;
    this.#mode = { push: "parts", partSize };
  }

  /** Changes the mode for all blobs to come. */
  #adapt(refused: ActiveMode, next: ActiveMode, onEvent: OnEvent | undefined): void {
    if (refused !== this.#mode) return; // another blob has met the same refusal before
    this.#mode = next;
    const message = `${this.#options.client.host} does not take blobs as they were sent; ` +
      `sending them ${describeMode(next)} now`;
    onEvent?.({ type: "notice", message });
  }
}

/** The mode to try after a refusal: where a part had grown too large, the same with parts that do not. */
function modeAfter(error: unknown, { mode, partSize }: BlobRoute): ActiveMode | undefined {
  return isTooLarge(error) && partSize > mode.partSize ? { ...mode } : fallbackMode(error, mode);
}

/** Whether a body was too large, mostly for a proxy: the registry has not seen it then. */
function isTooLarge(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 413;
}
