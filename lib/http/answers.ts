/** Turns error answers of a registry into errors, and reads values from its answers. @module */
import * as v from "valibot";
import { singleLine } from "../messages.ts";
import { collect } from "../content/collect.ts";
import {
  type LayerstashError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  RegistryError,
} from "../errors.ts";
import { RANGE_INVALID, UPLOAD_LOST } from "../oci/error_codes.ts";
import { isTransientAnswer, retryAfterOf } from "./retry_after.ts";

/** The largest error body that is read, in bytes. What is longer is a web page. */
const MAX_ERROR_BODY = 64 * 1024;

const errorSchema = v.object({
  code: v.nullish(v.string(), "UNKNOWN"),
  message: v.nullish(v.string(), ""),
  detail: v.optional(v.unknown()),
});
const errorsSchema = v.object({ errors: v.array(v.unknown()) });

/** A request that failed. */
export interface Asked {
  /** The host that answered, for the message. */
  host: string;
  /** What was asked for, as in `the tag disk-1`. */
  what: string;
  /** Whether the answer came after a redirect, from a signed URL that may have expired. */
  redirected: boolean;
  /** Whether credentials were sent. */
  signedIn: boolean;
  /** Whether something was to be changed, which anonymous users never may. */
  changing?: boolean | undefined;
  /** What to do to sign in, for the hint. */
  howToSignIn: string;
  /** Error codes that may pass when this request is made again. */
  passing?: readonly string[] | undefined;
  /** Takes secrets out of the server's text, which may repeat what was sent to it. */
  hide?: ((text: string) => string) | undefined;
}

/** Makes the error for an answer. The body is read to its end. */
export async function errorOf(response: Response, asked: Asked): Promise<Error> {
  const { status } = response;
  const { codes, text } = await readErrors(response, asked.hide);
  const message = `${asked.host} answered ${status} to the request for ${asked.what}${text && `: ${text}`}`;
  if (asked.redirected && isExpired(status, codes)) {
    return new RegistryError(message, { status, transient: true, hint: STORAGE_HINT });
  }
  if (status === 407) return new NotAllowedError(message, { hint: PROXY_HINT });
  if (status === 401 || status === 403) {
    return text === WEB_PAGE
      ? new NotAllowedError(message, { hint: PROXY_PAGE_HINT })
      : notAllowed(message, status, asked);
  }
  const passes = codes.some((code) => isOfUpload(code) || asked.passing?.includes(code));
  if (status === 404 && !passes) return new NotFoundError(message);
  return new RegistryError(message, {
    status,
    codes,
    ...(wantsTls(status, text) && { hint: `it speaks https: say so in its name, https://${asked.host}` }),
    transient: passes || isTransientAnswer(status, codes),
    retryAfter: retryAfterOf(response.headers),
  });
}

/** Whether a server that speaks https was asked over http, as Go's servers say it, and nginx. */
function wantsTls(status: number, text: string): boolean {
  return status === 400 && /HTTP request (?:to an HTTPS server|was sent to HTTPS port)/i.test(text);
}

const STORAGE_HINT = "the storage refuses what the registry itself has signed: ask the registry's owner";
const PROXY_HINT = "the proxy asks for a user name and a password: put them into its URL, as in " +
  "HTTPS_PROXY=http://me:PASSWORD@proxy.example.com:3128";
const PROXY_PAGE_HINT =
  "a registry refuses in another way: check HTTPS_PROXY and NO_PROXY, and the name of the registry";

/** Whether the storage says that a signed URL has expired: another one is asked for then. */
function isExpired(status: number, codes: readonly string[]): boolean {
  return status === 401 || status === 403 || (status === 400 && codes.some((code) => /expired/i.test(code)));
}

/** Whether a code says that an upload has to begin again, or to go on from another offset. */
function isOfUpload(code: string): boolean {
  return UPLOAD_LOST.has(code) || code === RANGE_INVALID;
}

function notAllowed(
  message: string,
  status: number,
  { signedIn, changing, howToSignIn }: Asked,
): NotAllowedError {
  const wrong = "the user name or the token is wrong, or has no right to do this; to sign in again";
  const anonymous = changing ? "sign in with" : "it may not exist, or you have to sign in";
  return new NotAllowedError(message, {
    needsSignIn: status === 401 && !signedIn,
    hint: `${signedIn ? wrong : anonymous}: ${howToSignIn}`,
  });
}

/** How much of a registry's text is shown, in characters. */
const LONGEST_TEXT = 1000;

/** The registry's own codes in an error answer. The body is read to its end. */
export async function codesOf(response: Response): Promise<string[]> {
  return (await readErrors(response)).codes;
}

async function readErrors(
  response: Response,
  hide = (text: string) => text,
): Promise<{ codes: string[]; text: string }> {
  const body = response.body
    ? await collect(response.body, MAX_ERROR_BODY).catch(() => new Uint8Array())
    : undefined;
  const text = new TextDecoder().decode(body ?? new Uint8Array()).trim();
  const [, code] = /<Code>([^<]{1,100})<\/Code>/.exec(text) ?? []; // of a storage: S3, Google, Azure
  if (code) {
    const [, message = ""] = /<Message>([^<]{1,500})<\/Message>/.exec(text) ?? [];
    return { codes: [hide(code)], text: singleLine(hide(errorInWords({ code, message }))) };
  }
  if (isWebPage(response) || text.startsWith("<")) {
    const [title] = /plain HTTP request was sent to HTTPS port/i.exec(text) ?? [WEB_PAGE]; // nginx
    return { codes: [], text: title };
  }
  try {
    const errors = v.parse(errorsSchema, JSON.parse(text)).errors.flatMap((error) => {
      const { success, output } = v.safeParse(errorSchema, error);
      return success ? [output] : [];
    });
    const said = hide(errors.map(errorInWords).join("; "));
    if (errors.length > 0) {
      return { codes: errors.map(({ code }) => hide(code)), text: singleLine(said.slice(0, LONGEST_TEXT)) };
    }
  } catch { /* not JSON: it is shown as it is */ }
  return { codes: [], text: singleLine(hide(text).slice(0, 200)) };
}

const WEB_PAGE = "a web page, of a proxy perhaps";

/** An error of a registry in words. Many have the reason in the detail: a text, or an object with a message. */
function errorInWords(
  { code, message, detail }: { code: string; message: string; detail?: unknown },
): string {
  const said = message ? `${message} (${code})` : code;
  const reason = v.is(reasonSchema, detail) ? detail.message : detail;
  return typeof reason === "string" && reason !== "" && reason !== message ? `${said}: ${reason}` : said;
}

const reasonSchema = v.object({ message: v.string() });

/**
 * The bytes of an answer, up to a limit.
 *
 * @throws {MismatchError} if there are more than `most`
 */
export async function bytesOf(
  response: Response,
  { most, what }: { most: number; what: string },
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await collect(response.body ?? new Blob().stream(), most);
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw new MismatchError(`the ${what} is too large: there are more than ${most} bytes of it`);
  }
}

/** Reads an answer that no digest describes: one that is malformed or too large is the server's fault, not a mismatch. */
export async function readUndigested<T>({ status }: Response, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw new RegistryError(error.message, { status });
  }
}

/**
 * A URL that an answer names, absolute or relative to the request's; `undefined` = it is not a URL.
 *
 * @throws {RegistryError} if it leads from https to something else
 */
export function urlNamed(text: string, asked: URL): URL | undefined {
  const url = URL.parse(text, asked);
  if (!url) return undefined;
  // A registry after a TLS proxy may name its own plain http address.
  if (url.hostname === asked.hostname && asked.protocol === "https:") url.protocol = "https:";
  if (url.protocol === "https:" || url.protocol === asked.protocol) return url;
  throw new RegistryError(`${asked.host} leads from ${asked.protocol.slice(0, -1)} to ${schemeOf(url)}`);
}

/** The scheme of a URL, for messages. The rest of it may be long, or hold a secret. */
export function schemeOf({ protocol }: URL): string {
  return protocol === "http:" || protocol === "https:" ? protocol.slice(0, -1) : "something else";
}

/** A header's number of bytes; `undefined` = the header is absent, or not such a number. */
export function countOf(text: string | null | undefined): number | undefined {
  const count = /^\d+$/.test(text ?? "") ? Number(text) : NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** Whether an answer is a web page. Quay calls empty answers HTML, but with the digest of a manifest or blob. */
export function isWebPage({ headers }: Response): boolean {
  return /^text\/html\b/i.test(headers.get("content-type") ?? "") && !headers.has("docker-content-digest");
}

/**
 * Makes the error for a request without an answer. Neither its message nor its cause names a URL, which may hold a
 * signature. `known` says that the host has answered before: then even a wrong certificate is transient, as that of a
 * sign-in portal after the machine has slept.
 */
export function errorOfNoAnswer(error: unknown, host: string, { known = false } = {}): LayerstashError {
  if (error instanceof Deno.errors.NotCapable) {
    return new NotAllowedError(`this program may not speak to ${host}`, {
      hint: `Deno has to allow it: --allow-net=${host}, or -A`,
      cause: error,
    });
  }
  const text = isOwnAuthority(error) ? "the certificate is its own authority" : innermostMessage(error);
  if (/certificate|UnknownIssuer|self.signed|SELF_SIGNED|UNABLE_TO_VERIFY/i.test(text)) {
    return new RegistryError(`${host} shows a certificate that is not trusted (${text})`, {
      hint: /expired|not ?valid ?yet/i.test(text)
        ? "look whether the clock of this machine is right"
        : "name your authority, or the certificate itself, with --ca-file; --insecure-skip-tls-verify trusts anybody",
      transient: known,
    });
  }
  if (/InvalidContentType|corrupt message|wrong version number|packet length too long/i.test(text)) {
    return new RegistryError(`${host} does not speak TLS`, {
      hint: `if it speaks plain http, say so in its name: http://${host}`,
      transient: known,
    });
  }
  if (/\bInvalid URL\b|\binvalid (uri|format)\b/i.test(text)) {
    return new RegistryError(`${host} cannot be asked: the address is not a URL that can be asked for`);
  }
  return new RegistryError(`${host} does not answer: ${text}`, {
    transient: true,
    hint: known || DOCKER_HOST.test(host)
      ? "check the network"
      : `check the name of the registry${shortNames(host)} and the network`,
  });
}

/** The hosts of Docker Hub, such as `registry-1.docker.io`, whose names need no check. */
const DOCKER_HOST = /(^|\.)docker\.io$/;

/** Whether `fetch` refused a server because its certificate is one of an authority, as `openssl req -x509` makes them. */
export function isOwnAuthority(error: unknown): boolean {
  return innermostMessage(error).includes("CaUsedAsEndEntity");
}

/** A word without a dot or a port was meant as a short name. */
function shortNames(host: string): string {
  return /[.:]/.test(host) ? "" : " (short names are docker and ghcr)";
}

function innermostMessage(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  const reason = message.replace(/\s*(for url )?\(?https?:\/\/[^\s)]*\)?/g, "")
    .replace(/^error sending request:?\s*/, "")
    .replace(/^from \S+ for (?:\(\S+\))?:?\s*/, "") // addresses of both ends
    .replace(/^client error \(\w+\)(?:: |$)(?:(?:tcp connect|dns) error: )?/, "")
    .replace(/^connect ECONNREFUSED .*/, "Connection refused")
    .replace(/ \(os error \d+\)$/, "");
  return reason || "it closed the connection";
}
