/** Keeps out of a server what does not belong there: other sites' pages, and people without a password. @module */
import { type Passwords, TooManyChecksError } from "./passwords.ts";
import { textResponse } from "./part.ts";
import { Refusal, REFUSED } from "./registry/refusal.ts";

/** Whom a server lets in. */
export interface GuardOptions {
  /** Names under which it is reached, beside `localhost` and every IP address; `*` = all. */
  hosts?: readonly string[] | undefined;
  /** Who may use it; absent = everybody who reaches it. */
  passwords?: Passwords | undefined;
  /** Lets everybody read, also where there are passwords: these are then for what changes something. */
  anonymousRead?: boolean | undefined;
}

/** Answers a request. */
type Handler = (request: Request) => Promise<Response>;

/**
 * What the headers of every answer say: a browser takes nothing for a page that is not meant as one, and puts no picture or
 * video from here into the page of another site, which would learn of it what its script can measure.
 */
const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** Puts a guard before a handler. `/healthz` is open to everybody: it tells nothing. */
export function guarded(handler: Handler, options: GuardOptions): Handler {
  return async (request) => {
    const url = new URL(request.url);
    const isOpen = url.pathname === "/healthz";
    const refusal = isOpen
      ? undefined
      : refuseForeign(request, url, options) ?? await refuseUnknown(request, url, options);
    const response = refusal ?? await handler(request);
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
    return response;
  };
}

/**
 * Refuses what the page of another site makes a browser send. Such a page may give its own name this server's address (DNS
 * rebinding), and read the answers as if they were its own: so the names are known beforehand. And it may send a form to
 * this server without reading the answer: so `Origin` has to be this server where something changes. And it may run a stored
 * script as its own, and read what that says: so scripts and style sheets are given to no other site.
 */
function refuseForeign(request: Request, url: URL, { hosts = [] }: GuardOptions): Response | undefined {
  if (!isOwnName(url.hostname, hosts)) {
    return textResponse(
      421,
      `this server is not called ${url.hostname}: start it with --host ${url.hostname}`,
    );
  }
  const [origin, site] = [request.headers.get("origin"), request.headers.get("sec-fetch-site")];
  const isForeign = origin !== null && hostOf(origin) !== url.host || site === "cross-site" ||
    site === "same-site";
  if (!isForeign) return undefined;
  if (!isRead(request.method)) return textResponse(403, "pages of other sites may change nothing here");
  const runs = ["script", "style"].includes(request.headers.get("sec-fetch-dest") ?? "");
  return runs ? textResponse(403, "pages of other sites may run nothing from here") : undefined;
}

/** An address cannot be given to somebody else's name, so every one is right. */
function isOwnName(hostname: string, hosts: readonly string[]): boolean {
  const isAddress = /^\[.*\]$|^\d+(\.\d+){3}$/.test(hostname);
  const isLocal = hostname === "localhost" || hostname.endsWith(".localhost");
  return isAddress || isLocal || hosts.some((each) => each === "*" || each.toLowerCase() === hostname);
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** The methods that change nothing. */
const READS: readonly string[] = ["GET", "HEAD", "OPTIONS", "PROPFIND"];

function isRead(method: string): boolean {
  return READS.includes(method);
}

/** Refuses those who have no password, where one is needed. */
async function refuseUnknown(
  request: Request,
  url: URL,
  { passwords, anonymousRead }: GuardOptions,
): Promise<Response | undefined> {
  if (anonymousRead && isRead(request.method)) return undefined;
  if (passwords) {
    try {
      if (await passwords.userOf(request.headers.get("authorization")) !== undefined) return undefined;
    } catch (error) {
      if (error instanceof TooManyChecksError) return refuse(url, REFUSED.tooMany, BUSY);
      throw error;
    }
  } else if (!anonymousRead) return undefined; // on loopback: everybody on this machine
  if (!passwords) return refuse(url, REFUSED.unsupported, READ_ONLY);
  const headers = { "www-authenticate": `Basic realm="layerstash", charset="UTF-8"` };
  const isWrong = request.headers.has("authorization");
  const message = isWrong ? "the name or the password is wrong" : "a name and a password are needed";
  return refuse(url, REFUSED.unauthorized, { message, headers });
}

/** What those are told who change something where nobody can sign in. */
const READ_ONLY = { message: "it is only read here", headers: { allow: READS.join(", ") } };

/** What those are told whose credentials cannot be checked now. A check takes a tenth of a second, or several. */
const BUSY = {
  message: "too many passwords are being checked: try again later",
  headers: { "retry-after": "5" },
};

/** A refusal in the form that the clients of a path read. */
function refuse(
  { pathname }: URL,
  refused: readonly [status: number, code: string],
  { message, headers }: { message: string; headers: Record<string, string> },
): Response {
  return pathname.startsWith("/v2/")
    ? new Refusal(refused, message, { headers }).response()
    : textResponse(refused[0], message, headers);
}
