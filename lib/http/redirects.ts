/** Follows redirects, and refuses those from https to http. @module */
import { RegistryError } from "../errors.ts";
import { schemeOf } from "./answers.ts";

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 5;

/** A request that may be redirected. */
export interface Following {
  /** The host of the first request, for messages. */
  host: string;
  /** What is asked for, for messages. */
  what: string;
  /** Sends the request to one URL. It leaves credentials out where the host is another. */
  send: (url: URL) => Promise<Response>;
}

/**
 * The first answer that is not a redirect, and the URL that gave it.
 *
 * @throws {RegistryError} if there are too many redirects, or one leads to an unsafe URL
 */
export async function follow(
  start: URL,
  { host, what, send }: Following,
): Promise<{ response: Response; url: URL }> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await send(url);
    const location = response.headers.get("location");
    if (!REDIRECTS.includes(response.status) || location === null) return { response, url };
    await response.body?.cancel();
    url = redirected(location, url, host);
  }
  throw new RegistryError(`${host} redirects more than ${MAX_REDIRECTS} times for ${what}`);
}

/** Allows https to https, and never a file: URL, which Deno's fetch would read. */
function redirected(location: string, from: URL, host: string): URL {
  const next = URL.parse(location, from);
  if (!next) throw new RegistryError(`${host} redirects to what is no URL`);
  if (next.protocol === "https:" || next.protocol === "http:" && from.protocol === "http:") return next;
  throw new RegistryError(`${host} redirects from ${schemeOf(from)} to ${schemeOf(next)}`);
}
