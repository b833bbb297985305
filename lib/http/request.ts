/** HTTP requests, and the options of the transport that sends them. @module */
import type { RateLimit } from "./rate_limit.ts";
import type { Clock } from "../async/clock.ts";
import type { Timeouts } from "./timeouts.ts";

/** A body that streams: with `size` it is sent with a `Content-Length`, without in HTTP/1.1 chunks. */
export interface StreamBody {
  /** The bytes; exactly `size` of them, if that is given. */
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The number of bytes. */
  size: number | undefined;
}

/** An HTTP request. */
export interface HttpRequest {
  /** `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`. */
  method: string;
  /** The address. */
  url: URL;
  /** The headers. */
  headers: Headers;
  /** The body; absent = none. */
  body?: Uint8Array<ArrayBuffer> | StreamBody | undefined;
  /** Whether a body that streams comes next, as after the beginning of an upload: this request opens its connection then. */
  beforeStream?: boolean | undefined;
  /** What is asked for, for messages, as in `the tag disk-1`; absent = messages name the method. */
  what?: string | undefined;
  /** Which of the timeouts holds for the answer; absent = `answer`. */
  answerWithin?: "answer" | "store" | "commit" | undefined;
  /** Ends the request. */
  signal?: AbortSignal | undefined;
}

/**
 * Sends requests. It follows no redirects, retries nothing, and rejects only if there is no answer. When nothing has moved
 * for too long, it closes the connection and rejects with a transient `RegistryError`. The body of an answer fails with
 * such an error too, for this and for every other break.
 */
export interface Transport {
  /** Sends one request. The promise resolves when the headers of the answer have arrived. */
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
  /** Certificates of authorities that are trusted beside the system's, as PEM text. */
  caCerts?: string[] | undefined;
  /**
   * Accepts any certificate, and sends saved logins over plain http, too: whoever is on the line can then read and change
   * everything.
   */
  insecureSkipTlsVerify?: boolean | undefined;
  /**
   * The environment's variables, of which `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in either
   * case. Absent = requests that send use no proxy, and for those that read Deno's `fetch` looks at the environment.
   */
  proxyEnv?: Record<string, string | undefined> | undefined;
  /** For how long a connection may be silent; absent = {@link DEFAULT_TIMEOUTS}. */
  timeouts?: Partial<Timeouts> | undefined;
  /**
   * The most bytes per second that all connections carry together, up and down; absent = no limit. Several stores may
   * share one limit.
   */
  limitRate?: number | RateLimit | undefined;
  /** The clock for that limit; absent = the system's. */
  clock?: Clock | undefined;
}

/** The options of both ways to send requests. */
export interface ConnectionOptions extends Omit<TransportOptions, "timeouts" | "limitRate" | "clock"> {
  timeouts: Timeouts;
  limit: RateLimit | undefined;
}
