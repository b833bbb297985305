/** One HTTP request, and what sends it: TLS, proxies, and bodies whose length must be told. @module */
import type { RateLimit } from "./rate_limit.ts";
import type { Clock } from "../async/clock.ts";
import type { Timeouts } from "./timeouts.ts";

/** A body that streams. With `size` it goes out with a `Content-Length`, without in chunks of HTTP/1.1. */
export interface StreamBody {
  /** The bytes; exactly `size`, where that is given. */
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The number of bytes. */
  size: number | undefined;
}

/** One request. */
export interface HttpRequest {
  /** `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`. */
  method: string;
  /** Where to. */
  url: URL;
  /** What to say. */
  headers: Headers;
  /** What to send. */
  body?: Uint8Array<ArrayBuffer> | StreamBody | undefined;
  /** What is asked for, for messages, as in `the tag disk-1`; absent = the method stands for it. */
  what?: string | undefined;
  /** Which of the times is allowed for the answer; absent = `answer`. */
  answerWithin?: "answer" | "store" | "commit" | undefined;
  /** Ends the request. */
  signal?: AbortSignal | undefined;
}

/**
 * Sends requests. It follows no redirect, retries nothing, and rejects only when there is no answer. When nothing has
 * moved for too long it closes the connection and rejects with a transient `RegistryError`; so does the body of an
 * answer, for this and for every other break.
 */
export interface Transport {
  /** Sends one request and gives its answer when the headers are there. */
  send(request: HttpRequest): Promise<Response>;
  /** Closes idle connections. It may be called again. */
  close(): void;
}

/**
 * How connections are made.
 *
 * @category Stores
 */
export interface TransportOptions {
  /** Certificates of authorities to trust beside the system's, as PEM text. */
  caCerts?: string[] | undefined;
  /** Takes any certificate: whoever is on the line can then read and change everything. */
  insecureSkipTlsVerify?: boolean | undefined;
  /**
   * The environment's variables, of which `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in either
   * case. Absent = what is sent goes no detour; what is read goes as Deno's `fetch` finds it in the environment.
   */
  proxyEnv?: Record<string, string | undefined> | undefined;
  /** For how long a connection may be silent; absent = {@link DEFAULT_TIMEOUTS}. */
  timeouts?: Partial<Timeouts> | undefined;
  /**
   * The most bytes per second that all connections carry together, up and down; absent = all that they can. Several
   * stores may share one limit.
   */
  limitRate?: number | RateLimit | undefined;
  /** Time, for that limit; absent = the system's. */
  clock?: Clock | undefined;
}

/** What both ways of sending requests take. */
export interface ConnectionOptions extends Omit<TransportOptions, "timeouts" | "limitRate" | "clock"> {
  timeouts: Timeouts;
  limit: RateLimit | undefined;
}

/** What only reads. */
export const READS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
