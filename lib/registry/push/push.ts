/** Pushes blobs to a registry (OCI distribution spec, "Pushing blobs"). @module */
import { abortable } from "../../async/abortable.ts";
import type { Source } from "../../content/source.ts";
import { MismatchError, RegistryError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { OCTET_STREAM } from "../../oci/media_types.ts";
import type { RegistryClient } from "../client.ts";
import type { RegistryProfile } from "../profiles.ts";
import { describeWay, type PushWay, wayAfter } from "./push_mode.ts";
import { type BlobRoute, sendBlob, SMALL } from "./send_blob.ts";
import { BlobSource } from "./blob_source.ts";
import type { BlobOptions, CallOptions, WriteOptions } from "../../store/store.ts";
import { SessionLostError, type SessionOptions, UploadSession } from "./upload_session.ts";

/** A registry that refuses every way in turn is not asked for ever. */
const MOST_ADAPTATIONS = 8;

/** What a pusher needs. */
export interface PusherOptions {
  client: RegistryClient;
  profile: RegistryProfile;
  /** The size of a blob that is there; `undefined` = absent. */
  stat(digest: Digest, options: BlobOptions): Promise<number | undefined>;
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
    const digest = options.checkFirst ? await abortable(source.digest(), options.signal) : undefined;
    const { signal, onEvent, what } = options;
    const size = digest && await this.#options.stat(digest, { signal, onEvent, what });
    if (digest && size !== undefined && size === (source.size ?? size)) {
      return { mediaType: OCTET_STREAM, digest, size };
    }
    const sending = new BlobSource(source, options);
    try {
      const sent = await this.#send(sending, options);
      if (size !== undefined) await this.#requireMended(sent, options);
      return sent;
    } catch (error) {
      sending.standAt(0);
      throw error;
    }
  }

  /** A registry that believes to have a blob may take the bytes and drop them (distribution). */
  async #requireMended({ digest, size }: Descriptor, { signal, onEvent, what }: WriteOptions): Promise<void> {
    const found = await this.#options.stat(digest, { signal, onEvent, what });
    if (found === undefined || found === size) return;
    const { host } = this.#options.client;
    throw new MismatchError(`${host} keeps a damaged blob: ${digest} has ${found} bytes there, not ${size}`, {
      hint: "store the file with another --chunk-size: its chunks have other digests then; " +
        "or have the registry's owner delete the file of the blob",
    });
  }

  /** Sends the bytes over one session after the other, until one has them all. */
  async #send(sending: BlobSource, options: WriteOptions): Promise<Descriptor> {
    const { checkpoint, signal, onEvent, what } = options;
    const { client, profile } = this.#options;
    const how: SessionOptions = {
      signal,
      onEvent,
      what,
      checkpoint,
      uploadRangeIsCount: profile.uploadRangeIsCount,
    };
    let session = await this.#takeUp(sending, how);
    for (let adaptations = 0;;) {
      const way = this.#way;
      session ??= await UploadSession.open(client, how);
      const route = this.#route(sending, session, { way, signal, onEvent });
      try {
        await sendBlob(route);
        return await sending.descriptor();
      } catch (error) {
        sending.requireAnother(error);
        const lost = error instanceof SessionLostError;
        const next = !lost && adaptations++ < MOST_ADAPTATIONS ? wayAfter(error, way) : undefined;
        if (next) this.#adapt(way, next, onEvent);
        else await this.#doubt(error, route);
      }
      if (!sending.source.once) sending.standAt(0);
      session = undefined;
    }
  }

  /** The session that an earlier process has left, where it is still good for something. */
  async #takeUp(sending: BlobSource, how: SessionOptions): Promise<UploadSession | undefined> {
    const point = how.checkpoint?.last;
    const { size = 0 } = sending.source;
    if (!point || size <= SMALL || point.sent > size || this.#way.mode === "put") return undefined;
    const session = await UploadSession.resume(this.#options.client, point, how);
    if (session) sending.standAt(session.offset);
    return session;
  }

  #route(
    sending: BlobSource,
    session: UploadSession,
    { way, ...options }: CallOptions & { way: PushWay },
  ): BlobRoute {
    const { client, stat } = this.#options;
    const isThere = async (digest: Digest) =>
      await stat(digest, options).catch(() => undefined) !== undefined;
    const waitAfter = (error: unknown) => client.waitToRetry(sending.failed(error), options);
    return { sending, session, way, isThere, waitAfter };
  }

  /** Returns where a new session may do better; where it may not, the error is thrown on. */
  async #doubt(error: unknown, { sending, session, waitAfter }: BlobRoute): Promise<void> {
    if (error instanceof SessionLostError && !error.givenUp) return;
    if (!(error instanceof MismatchError) || !session.resumed) throw error;
    sending.resumable = false; // what the registry says of its sessions is not to be relied on
    const message = `${this.#options.client.host} has other bytes than those that were sent before a break`;
    await waitAfter(new RegistryError(message, { transient: true, cause: error }));
  }

  /** Goes over to what the registry may take instead. */
  #adapt(refused: PushWay, next: PushWay, onEvent: OnEvent | undefined): void {
    if (refused !== this.#way) return; // another blob has met the same refusal before
    this.#way = next;
    const message = `${this.#options.client.host} does not take blobs as they were sent; ` +
      `sending them ${describeWay(next)} now`;
    onEvent?.({ type: "notice", message });
  }
}
