/** One upload session: initiated with a POST, fed with PATCH, committed with a PUT that names the digest. @module */
import type { Bytes } from "../../content/bytes.ts";
import { LayerstashError, MismatchError, NotFoundError, RegistryError } from "../../errors.ts";
import type { Algorithm, Digest } from "../../oci/digest.ts";
import { urlNamed } from "../../http/answers.ts";
import { isTransientAnswer } from "../../http/retry_after.ts";
import { DIGEST_INVALID, RANGE_INVALID, UPLOAD_LOST } from "../../oci/error_codes.ts";
import type { RegistryClient } from "../client.ts";
import { type Call, ENDPOINTS } from "../endpoints.ts";
import type { StreamBody } from "../../http/request.ts";
import type { CallOptions, Checkpoint, UploadPoint } from "../../store/store.ts";

/** Bytes on their way, in memory or streamed. */
export type SessionBody = Bytes | StreamBody;

/** What a session takes. */
export interface SessionOptions extends CallOptions {
  /** What is sent, for messages, as in `chunk 3`; absent = a blob. */
  what?: string | undefined;
  /** Where its progress is kept. */
  checkpoint?: Checkpoint | undefined;
  /** Whether the `Range` of the session's status is `0-<count>` (Quay), where the spec has `0-<last byte>`. */
  uploadRangeIsCount?: boolean;
}

/** The registry knows nothing of the session any more: the blob has to be sent again from its beginning. */
export class SessionLostError extends RegistryError {}

/** The error of a session that is lost; the cause is what showed it. */
export function sessionLost(cause: LayerstashError): SessionLostError {
  const status = cause instanceof RegistryError ? cause.status : 0;
  return new SessionLostError(cause.message, { status, transient: true, cause });
}

/** The largest minimum for parts that is believed, in bytes (a registry could ask for any number). */
const LARGEST_MINIMUM = 1024 ** 3;

/** After how many refusals in a row a session that was resumed is given up. */
const MOST_REFUSALS = 3;

/** An upload that was begun, and has no bytes yet. */
export interface BegunUpload {
  location: URL;
  /** The least and the most bytes that a part may have. */
  minimum?: number | undefined;
  maximum?: number | undefined;
}

/** What beginning an upload takes. */
export interface BeginOptions extends CallOptions {
  /** What is sent, for messages; absent = a blob. */
  what?: string | undefined;
  /** Whether its bytes stream: they find the connection open then. */
  beforeStream: boolean;
  /** The algorithm of the digest that is to come; absent = sha256. */
  algorithm?: Algorithm | undefined;
}

/** Begins an upload. */
export async function beginUpload(
  client: RegistryClient,
  { beforeStream, algorithm, ...options }: BeginOptions,
): Promise<BegunUpload> {
  const call = ENDPOINTS.initiateUpload(uploadOf(options), { beforeStream, algorithm });
  const answer = await client.call(call, options);
  await answer.body?.cancel();
  return {
    location: locationOf(answer, client.urlOf(call.to)),
    minimum: numberIn(answer, "oci-chunk-min-length"),
    maximum: numberIn(answer, "oci-chunk-max-length"),
  };
}

/** Cancels an upload. Failures do no harm: the registry drops the upload after a time. */
export async function cancelUpload(
  client: RegistryClient,
  location: URL,
  options: CallOptions,
): Promise<void> {
  await client.once(ENDPOINTS.cancelUpload(location), options).then(({ body }) => body?.cancel(), () => {});
}

/** An open upload. Its address changes with every answer, and only the newest is valid. */
export class UploadSession {
  readonly #client: RegistryClient;
  readonly #options: SessionOptions;
  readonly #minimum: number;
  readonly #maximum: number;
  #location: URL;
  /** The offset up to which bytes went out, whether or not they have arrived. */
  #sent = 0;
  #partSize: number | undefined;
  /** How often in a row the registry refused bytes at the offset that it had named. */
  #refusals = 0;
  /** How many bytes the registry has. */
  offset = 0;
  /** Whether the registry named the offset after a break; else it is the sum of what was sent without one. */
  resumed = false;

  /** @param begun an upload that was just begun, or an earlier one that is to be asked how far it has come */
  constructor(client: RegistryClient, begun: BegunUpload, options: SessionOptions = {}) {
    this.#client = client;
    this.#options = options;
    this.#location = begun.location;
    this.#minimum = Math.min(LARGEST_MINIMUM, begun.minimum ?? 0);
    this.#maximum = begun.maximum ?? Infinity;
  }

  /** Resumes an upload of another process; `undefined` = the registry has nothing of it any more. */
  static async resume(
    client: RegistryClient,
    point: UploadPoint,
    options: SessionOptions,
  ): Promise<UploadSession | undefined> {
    const location = URL.parse(point.location);
    const start = client.urlOf("");
    if (!location || (start.protocol === "https:" && location.protocol !== "https:")) return undefined;
    const session = new UploadSession(client, { location }, options);
    session.offset = point.acknowledged;
    session.#sent = point.sent;
    return await session.ask() && session.offset > 0 ? session : undefined;
  }

  /**
   * The end of the next part, which is of the wanted size, or as large as the registry asks for. One that names a limit may
   * want parts that are all alike; else the part may be `grown`, to a multiple of the wanted size.
   */
  endOfPart(wanted: number, grown: number = wanted): number {
    const size = this.partSize(wanted);
    const free = this.#minimum === 0 && this.#maximum === Infinity;
    const end = this.offset + (free ? grown : size) - this.offset % size; // after a break the parts are aligned again
    return end - this.offset < this.#minimum ? this.offset + size : end;
  }

  /** The wanted part size within the limits of the registry, in bytes. */
  partSize(wanted: number): number {
    return Math.min(this.#maximum, Math.max(this.#minimum, wanted));
  }

  /** Appends bytes. With the size of parts the bytes are a part, and the request says at which offset they belong. */
  async append(body: SessionBody, partSize?: number): Promise<void> {
    const size = body instanceof Uint8Array ? body.length : body.size;
    const ranged = partSize !== undefined && size !== undefined;
    // A bare range, without unit and total: the distribution spec's form, not HTTP's.
    const range = ranged ? `${this.offset}-${this.offset + size - 1}` : undefined;
    this.#keep(size === undefined ? Infinity : this.offset + size, partSize);
    const answer = await this.#send(ENDPOINTS.sendPart(this.#location, body, range));
    this.#location = locationOf(answer, this.#location, this.#location);
    this.offset += size ?? 0;
    this.#refusals = 0;
  }

  /** Commits the upload, with the last bytes if there are any left. The registry checks the digest. */
  async commit(digest: Digest, body: SessionBody = new Uint8Array()): Promise<void> {
    this.#keep(this.offset);
    await this.#send(ENDPOINTS.commitUpload(this.#location, digest, body));
  }

  /**
   * Asks the registry after a break how many bytes it has, and sets the offset to that; `false` = the session cannot be
   * resumed. Distribution 2.8 ends a session when it is asked after a part was cut in the middle.
   */
  async ask(): Promise<boolean> {
    const answer = await this.#status();
    if (!answer) return false;
    const { uploadRangeIsCount = false } = this.#options;
    const offset = arrived(answer.headers.get("range"), {
      least: this.offset,
      most: this.#sent,
      uploadRangeIsCount,
    });
    if (offset === undefined) return false;
    this.#location = locationOf(answer, this.#location, this.#location);
    this.offset = offset;
    this.resumed = true;
    return true;
  }

  /**
   * Whether a session that was resumed is dead: the registry refuses bytes at the offset that it named itself, for good or
   * again and again. Gitea does so: it keeps the bytes of a part that broke off, and does not count them.
   */
  isDead({ status, transient, codes }: RegistryError): boolean {
    const ofSession = status === 500 || (status >= 400 && !isTransientAnswer(status, []));
    if (!ofSession || status === 416 || codes.includes(RANGE_INVALID)) return false;
    return !transient || ++this.#refusals >= MOST_REFUSALS;
  }

  async #status(): Promise<Response | undefined> {
    const { signal } = this.#options;
    const call = ENDPOINTS.uploadStatus(this.#location, `the state of ${uploadOf(this.#options)}`);
    try {
      const answer = await this.#client.call(call, this.#options);
      await answer.body?.cancel();
      return answer.ok ? answer : undefined;
    } catch (error) {
      signal?.throwIfAborted();
      const unreachable = error instanceof RegistryError && error.status === 0;
      if (!(error instanceof LayerstashError) || unreachable) throw error;
      return undefined; // any other answer means that this session cannot be asked
    }
  }

  #keep(sent: number, partSize = this.#partSize): void {
    this.#sent = sent;
    this.#partSize = partSize;
    const { href } = this.#location;
    this.#options.checkpoint?.save({ location: href, acknowledged: this.offset, sent, partSize });
  }

  /** Gives the session up: no other process resumes it. */
  giveUp(): void {
    this.offset = 0;
    this.#keep(0);
  }

  async #send(call: Call): Promise<Response> {
    try {
      const answer = await this.#client.once(call, this.#options);
      await answer.body?.cancel();
      return answer;
    } catch (error) {
      throw sessionError(error);
    }
  }
}

/** In a session, 404 means that the registry has lost it: the blob has to be sent again from its beginning. */
function sessionError(error: unknown): unknown {
  if (error instanceof NotFoundError) return sessionLost(error);
  if (!(error instanceof RegistryError)) return error;
  if (error.codes.includes(DIGEST_INVALID)) {
    return new MismatchError(`other bytes arrived than were hashed: ${error.message}`, { cause: error });
  }
  return error.codes.some((code) => UPLOAD_LOST.has(code)) ? sessionLost(error) : error;
}

/**
 * How many bytes have arrived, by a session's `Range` (`0-<last byte>`); `undefined` = it does not say, or names an offset
 * that is out of range. Nothing is guessed: an empty session says the same as one of one byte (distribution).
 */
export function arrived(
  range: string | null,
  { least, most, uploadRangeIsCount }: { least: number; most: number; uploadRangeIsCount: boolean },
): number | undefined {
  const last = /^\s*(?:bytes[= ])?0-(-1|\d{1,16})\s*$/.exec(range ?? "")?.[1];
  if (last === undefined) return undefined;
  if (last === "0" && least === 0 && !uploadRangeIsCount) return undefined;
  const count = Number(last) + (uploadRangeIsCount && last !== "-1" ? 0 : 1);
  return count >= least && count <= most ? count : undefined;
}

function uploadOf({ what }: { what?: string | undefined }): string {
  return what === undefined ? "an upload" : `an upload of ${what}`;
}

function locationOf(answer: Response, base: URL, otherwise?: URL): URL {
  const location = answer.headers.get("location");
  const url = location === null ? otherwise : urlNamed(location, base);
  if (url) return url;
  throw new RegistryError(`${base.host} does not say where to send the bytes`, { status: answer.status });
}

function numberIn(answer: Response, header: string): number | undefined {
  const value = answer.headers.get(header) ?? "";
  return /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
}
