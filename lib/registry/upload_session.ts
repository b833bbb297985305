/** One upload session of a registry: begun with a POST, fed with PATCH, ended with a PUT that names the digest. @module */
import { MismatchError, NotFoundError, RegistryError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { urlNamed } from "../http/answers.ts";
import type { Call, RegistryClient } from "./client.ts";
import type { StreamBody } from "../http/transport.ts";

/** Bytes on their way, in memory or streamed. */
export type SessionBody = Uint8Array<ArrayBuffer> | StreamBody;

const UPLOADS = "blobs/uploads/";
/** The largest minimum for parts that is believed, in bytes (a registry could ask for any number). */
const LARGEST_MINIMUM = 1024 ** 3;

/** An open upload. Its address changes with every answer; only the newest serves. */
export class UploadSession {
  readonly #client: RegistryClient;
  readonly #signal: AbortSignal | undefined;
  readonly #minimum: number;
  readonly #maximum: number;
  #location: URL;
  /** How many bytes the registry has taken. */
  offset = 0;

  private constructor(client: RegistryClient, opened: Response, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
    this.#location = locationOf(opened, client.urlOf(UPLOADS));
    this.#minimum = Math.min(LARGEST_MINIMUM, numberIn(opened, "oci-chunk-min-length") ?? 0);
    this.#maximum = numberIn(opened, "oci-chunk-max-length") ?? Infinity;
  }

  /** Begins an upload. */
  static async open(client: RegistryClient, signal?: AbortSignal): Promise<UploadSession> {
    const answer = await client.call({
      method: "POST",
      to: UPLOADS,
      action: "push",
      what: "an upload",
      expect: [202],
      headers: { "content-length": "0" },
      signal,
    });
    await answer.body?.cancel();
    return new UploadSession(client, answer, signal);
  }

  /** The part size that both sides can live with, in bytes. */
  partSize(wanted: number): number {
    return Math.min(this.#maximum, Math.max(this.#minimum, wanted));
  }

  /** Adds bytes behind those that are there. `ranged` says with each request where its bytes belong. */
  async append(body: SessionBody, { ranged = false } = {}): Promise<void> {
    const size = body instanceof Uint8Array ? body.length : body.size;
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    // A bare range, without unit and total: the distribution spec's form, not HTTP's.
    if (ranged && size !== undefined) headers["content-range"] = `${this.offset}-${this.offset + size - 1}`;
    const answer = await this.#send({
      method: "PATCH",
      to: this.#location,
      what: "a part of a blob",
      expect: [200, 201, 202, 204],
      headers,
      body,
    });
    this.#location = locationOf(answer, this.#location, this.#location);
    this.offset += size ?? 0;
  }

  /** Ends the upload, with the last bytes where there are any. The registry checks the digest. */
  async commit(digest: Digest, body: SessionBody = new Uint8Array()): Promise<void> {
    await this.#send({
      method: "PUT",
      to: withDigest(this.#location, digest),
      what: "the end of an upload",
      expect: [200, 201, 204],
      headers: { "content-type": "application/octet-stream" },
      body,
    });
  }

  async #send(call: Omit<Call, "action" | "signal">): Promise<Response> {
    try {
      const answer = await this.#client.once({ ...call, action: "push", signal: this.#signal });
      await answer.body?.cancel();
      return answer;
    } catch (error) {
      throw meaningOf(error);
    }
  }
}

/** In a session, 404 means that the registry has lost it: the blob has to be begun again. */
function meaningOf(error: unknown): unknown {
  if (error instanceof NotFoundError) {
    return new RegistryError(error.message, { status: 404, transient: true });
  }
  if (error instanceof RegistryError && error.codes.includes("DIGEST_INVALID")) {
    return new MismatchError(`other bytes arrived than were hashed: ${error.message}`, { cause: error });
  }
  return error;
}

function locationOf(answer: Response, base: URL, otherwise?: URL): URL {
  const location = answer.headers.get("location");
  const url = location === null ? otherwise : urlNamed(location, base);
  if (url) return url;
  throw new RegistryError(`${base.host} does not say where to send the bytes`, { status: answer.status });
}

/** Adds the digest to what the registry gave; the rest of the query stays as it is, to the byte. */
function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.search = `${url.search ? `${url.search}&` : "?"}digest=${encodeURIComponent(digest)}`;
  return url;
}

function numberIn(answer: Response, header: string): number | undefined {
  const value = answer.headers.get(header);
  return value !== null && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
}
