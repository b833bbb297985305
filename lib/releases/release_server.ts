/** The server that has the releases: files at known addresses, without an API and without credentials. @module */
import { InvalidInputError, LayerstashError, NotFoundError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { errorOfNoAnswer } from "../http/answers.ts";
import { follow } from "../http/redirects.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { DEFAULT_RETRY_POLICY, type Patience, type RetryPolicy } from "../async/retry.ts";
import { isTransientAnswer, retryAfterOf } from "../http/retry_after.ts";
import { observedTransport } from "../http/observed_transport.ts";
import { openTransport, type Transport, type TransportOptions } from "../http/transport.ts";
import { isLoopback } from "../oci/address.ts";
import type { CallOptions } from "../store/store.ts";

/** Where the releases are, unless a mirror is named. */
export const RELEASES = "https://github.com/layerstash/layerstash/releases";

/** Which server, and how to reach it. */
export interface ReleaseServerOptions extends TransportOptions {
  /** The address of the releases; absent = {@link RELEASES}. */
  url?: string | undefined;
  /** Told of requests and retries. */
  onEvent?: OnEvent | undefined;
  /** How patiently failed requests are made again; absent = {@link DEFAULT_RETRY_POLICY}. */
  retry?: Partial<RetryPolicy> | undefined;
  /** Time; absent = the system's. */
  clock?: Clock | undefined;
}

/** One request for a file. */
export interface FileRequest extends CallOptions {
  method: "GET" | "HEAD";
  /** What is asked for, for messages. */
  what: string;
  headers?: Record<string, string>;
}

/** The server of the releases. It is told nothing but which file is wanted. */
export class ReleaseServer implements Disposable {
  /** Its host, for messages. */
  readonly name: string;
  /** How patiently a request is made again. */
  readonly patience: Patience;
  readonly #url: string;
  readonly #transport: Transport;

  /**
   * Asks nothing yet.
   *
   * @param options which server, and how to reach it
   * @throws {InvalidInputError} when the address is neither of https nor on this machine
   */
  constructor(options: ReleaseServerOptions = {}) {
    const { url = RELEASES, clock = systemClock, onEvent, retry } = options;
    this.name = requireAddress(url).host;
    this.patience = { policy: { ...DEFAULT_RETRY_POLICY, ...retry }, clock, onEvent };
    this.#url = url.replace(/\/+$/, "");
    this.#transport = observedTransport(openTransport(options), { clock, onEvent });
  }

  /**
   * Asks for a file once, wherever redirects lead.
   *
   * @param path behind the address of the releases, as in `latest/download/SHA256SUMS`
   * @param request what is wanted of it
   * @throws {NotFoundError} when it is not there
   * @throws {RegistryError} for every other answer, and for none
   */
  async ask(path: string, request: FileRequest): Promise<Response> {
    const { response, url } = await follow(new URL(`${this.#url}/${path}`), {
      host: this.name,
      what: request.what,
      send: (url) => this.#send(url, request),
    });
    if (response.status === 200 || response.status === 206) return response;
    await response.body?.cancel();
    throw refusal(response, { host: url.host, moved: url.host !== this.name, what: request.what });
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#transport.close();
  }

  async #send(url: URL, { method, what, headers, signal }: FileRequest): Promise<Response> {
    if (!isSafe(url)) throw new RegistryError(`${this.name} redirects to ${url.host}, and not over https`);
    const sent = new Headers({ "user-agent": "layerstash", "accept-encoding": "identity", ...headers });
    try {
      return await this.#transport.send({ method, url, headers: sent, what, signal });
    } catch (error) {
      signal?.throwIfAborted();
      const failure = error instanceof LayerstashError ? error : errorOfNoAnswer(error, url.host);
      if (!(failure instanceof RegistryError)) throw failure;
      throw new RegistryError(failure.message, { transient: failure.transient }); // its hint is about registries
    }
  }
}

/** Programs come over https only. A server on this machine may speak http: nobody else can hear it. */
function isSafe(url: URL): boolean {
  return url.protocol === "https:" || url.protocol === "http:" && isLoopback(url.hostname);
}

function requireAddress(text: string): URL {
  const url = URL.parse(text);
  if (url && isSafe(url) && !url.username && !url.password && !url.search && !url.hash) return url;
  // The text is not shown: it may hold a password.
  throw new InvalidInputError("the address of the releases is none to fetch programs from", {
    hint: `LAYERSTASH_RELEASES has to begin with https://, without a user name; usually it is ${RELEASES}`,
  });
}

/** The error of an answer. A signed address that another host refuses may have expired. */
function refusal(
  { status, headers }: Response,
  { host, moved, what }: { host: string; moved: boolean; what: string },
): LayerstashError {
  if (status === 404) return new NotFoundError(`${host} does not have ${what}`);
  return new RegistryError(`${host} answered ${status} to the request for ${what}`, {
    status,
    transient: isTransientAnswer(status, []) || moved && status === 403,
    retryAfter: retryAfterOf(headers),
  });
}
