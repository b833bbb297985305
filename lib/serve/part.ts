/** The parts of a server: each answers the requests below one path. @module */
import type { Identities } from "../encryption/identities.ts";
import type { OnEvent } from "../events.ts";
import type { ServedRepositories } from "./repositories.ts";

/**
 * How a server behaves.
 *
 * @category Serving
 */
export interface ServeOptions {
  /** Refuses everything that would change something. */
  readOnly?: boolean | undefined;
  /** The keys that decrypt stored files; absent = encrypted files are not given. */
  identities?: Identities | undefined;
  /** Receives what happens while the server answers: requests to other registries, retries, notices. */
  onEvent?: OnEvent | undefined;
  /** Gives the text of `/metrics`, as Prometheus reads it; absent = there is nothing at this path. */
  metrics?: (() => string) | undefined;
}

/** What the parts of a server work with. */
export interface Serving extends ServeOptions {
  /** What is served. */
  readonly repositories: ServedRepositories;
}

/**
 * Answers the requests below a path. The listener has checked the request's host, origin and credentials.
 *
 * @param request its signal aborts when the client has gone
 * @param url the request's URL, parsed
 */
export type Part = (request: Request, url: URL, serving: Serving) => Promise<Response>;

/** Whether a request asks for what is there, or about it, and changes nothing. */
export function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** The answer to requests that would change a file. */
export function readOnlyResponse(): Response {
  return textResponse(405, "stored files are only read here", { allow: "GET, HEAD" });
}

/** An answer that is a line of text. */
export function textResponse(status: number, text: string, headers: HeadersInit = {}): Response {
  const all = new Headers(headers);
  all.set("content-type", "text/plain; charset=utf-8");
  return new Response(`${text}\n`, { status, headers: all });
}
