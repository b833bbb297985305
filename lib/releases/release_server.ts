/** Requests files of releases from their server. No API and no credentials are needed. @module */
import { InvalidInputError, LayerstashError, NotFoundError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { errorOfNoAnswer } from "../http/answers.ts";
import { follow } from "../http/redirects.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { DEFAULT_RETRY_POLICY, type RetryContext, type RetryPolicy } from "../async/retry.ts";
import { isTransientAnswer, retryAfterOf } from "../http/retry_after.ts";
import type { Transport, TransportOptions } from "../http/request.ts";
import { openTransport, sendObserved } from "../http/transport.ts";
import { isLoopback } from "../oci/registry_address.ts";
import type { CallOptions } from "../store/store.ts";

/** The default address of the releases. */
export const RELEASES = "https://github.com/layerstash/layerstash/releases";

/** Options for connecting to the server of the releases. */
export interface ReleaseServerOptions extends TransportOptions {
  /** The address of the releases; absent = {@link RELEASES}. */
  url?: string | undefined;
  /** Receives requests and retries. */
  onEvent?: OnEvent | undefined;
  /** The retry policy; absent = {@link DEFAULT_RETRY_POLICY}. */
  retry?: Partial<RetryPolicy> | undefined;
  /** The clock; absent = the system's. */
  clock?: Clock | undefined;
}

/** A request for a file. */
export interface FileRequest extends CallOptions {
  method: "GET" | "HEAD";
  /** The name of the file in messages. */
  what: string;
  headers?: Record<string, string>;
}

/** The server of the releases. Requests carry nothing but the name of the file. */
export class ReleaseServer implements Disposable {
  /** Its host. */
  readonly name: string;
  /** How failed requests are made again. */
  readonly retry: RetryContext;
  readonly #url: string;
  readonly #transport: Transport;

  /**
   * Sends nothing yet.
   *
   * @param options the server, and how to connect to it
   * @throws {InvalidInputError} if the address is neither an https URL nor on this machine
   */
  constructor(options: ReleaseServerOptions = {}) {
    const { url = RELEASES, clock = systemClock, onEvent, retry } = options;
    this.name = requireAddress(url).host;
    this.retry = { policy: { ...DEFAULT_RETRY_POLICY, ...retry }, clock, onEvent };
    this.#url = url.replace(/(?<!\/)\/+$/, "");
    this.#transport = openTransport(options);
  }

  /**
   * Requests a file once, and follows redirects.
   *
   * @param path the path below the address of the releases, as in `latest/download/SHA256SUMS`
   * @param request the method and further details
   * @throws {NotFoundError} if the file does not exist
   * @throws {RegistryError} for every other error answer, and if there is no answer
   */
  async ask(path: string, request: FileRequest): Promise<Response> {
    const { response, url } = await follow(new URL(`${this.#url}/${path}`), {
      host: this.name,
      what: request.what,
      send: (url) => this.#send(url, request),
    });
    if (response.status === 200 || response.status === 206) return response;
    await response.body?.cancel();
    throw releaseError(response, { host: url.host, moved: url.host !== this.name, what: request.what });
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#transport.close();
  }

  async #send(url: URL, { method, what, headers, signal, onEvent }: FileRequest): Promise<Response> {
    if (!isSafe(url)) throw new RegistryError(`${this.name} redirects to ${url.host} without https`);
    const sent = new Headers({ "user-agent": "layerstash", "accept-encoding": "identity", ...headers });
    try {
      return await sendObserved(this.#transport, { method, url, headers: sent, what, signal }, {
        ...this.retry,
        ...(onEvent && { onEvent }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      const failure = error instanceof LayerstashError ? error : errorOfNoAnswer(error, url.host);
      if (!(failure instanceof RegistryError)) throw failure;
      throw failure.with({ hint: undefined }); // its hint is about registries
    }
  }
}

/** Whether a program may be fetched from a URL: over https, or from this machine, where nobody can intercept it. */
function isSafe(url: URL): boolean {
  return url.protocol === "https:" || url.protocol === "http:" && isLoopback(url.hostname);
}

function requireAddress(text: string): URL {
  const url = URL.parse(text);
  if (url && isSafe(url) && !url.username && !url.password && !url.search && !url.hash) return url;
  // The text is not shown: it may hold a password.
  throw new InvalidInputError("the address of the releases is not an https URL without credentials", {
    hint: `set LAYERSTASH_RELEASES to an https:// URL without a user name, such as ${RELEASES}`,
  });
}

/** The error for an answer. A 403 from another host is transient: the signed URL may have expired. */
function releaseError(
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
