/** Follows redirects by hand, and nothing leads from https to http. @module */
import { RegistryError } from "../errors.ts";
import { schemeOf } from "./answers.ts";

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 5;

/** What is asked for, of whom, and how. */
export interface Following {
  /** Who is asked at first, for messages. */
  host: string;
  /** What is asked for, for messages. */
  what: string;
  /** Asks at one address. What must not go to another host is left out there by it. */
  send: (url: URL) => Promise<Response>;
}

/**
 * The answer that is no redirect, and the address that gave it.
 *
 * @throws {RegistryError} when there are too many, or one leads to where nothing may lead
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

/** From https only to https, and never to a file, which Deno's fetch would read. */
function redirected(location: string, from: URL, host: string): URL {
  const next = URL.parse(location, from);
  if (!next) throw new RegistryError(`${host} redirects to what is no URL`);
  if (next.protocol === "https:" || next.protocol === "http:" && from.protocol === "http:") return next;
  throw new RegistryError(`${host} redirects from ${schemeOf(from)} to ${schemeOf(next)}`);
}
