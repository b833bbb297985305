/** What a registry's answer means when it is not the one that was hoped for. @module */
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

/** Errors are short; what is longer is a web page. */
const MAX_ERROR_BODY = 64 * 1024;

const errorsSchema = v.object({
  errors: v.array(v.object({ code: v.optional(v.string(), "UNKNOWN"), message: v.optional(v.string(), "") })),
});

/** What the caller knows about the request that failed. */
export interface Asked {
  /** Who answered, for the message. */
  host: string;
  /** What was asked for, as in `the tag disk-1`. */
  what: string;
  /** Whether the answer came from where a redirect had led to: a signed address that may have expired. */
  redirected: boolean;
  /** Whether credentials were sent. */
  signedIn: boolean;
  /** Codes that may pass, for this request. */
  passing?: readonly string[] | undefined;
  /** Takes secrets out of what the server says: it may repeat what was sent to it. */
  hide?: ((text: string) => string) | undefined;
}

/** Makes the error of an answer, and reads its body to the end. */
export async function errorOf(response: Response, asked: Asked): Promise<Error> {
  const { status } = response;
  const { codes, text } = await readErrors(response, asked.hide);
  const message = `${asked.host} answered ${status} to the request for ${asked.what}${text && `: ${text}`}`;
  if (asked.redirected && status === 403) return new RegistryError(message, { status, transient: true });
  if (status === 401 || status === 403) return notAllowed(message, asked);
  const passes = codes.some((code) => isOfUpload(code) || asked.passing?.includes(code));
  if (status === 404 && !passes) return new NotFoundError(message);
  return new RegistryError(message, {
    status,
    codes,
    transient: passes || isTransientAnswer(status, codes),
    retryAfter: retryAfterOf(response.headers),
  });
}

/** Whether an upload failed that may be begun again, or go on from where the registry says that it stands. */
function isOfUpload(code: string): boolean {
  return UPLOAD_LOST.has(code) || code === RANGE_INVALID;
}

function notAllowed(message: string, { host, signedIn }: Asked): NotAllowedError {
  return new NotAllowedError(message, {
    hint: signedIn
      ? "the user name or the token is wrong, or has no right to do this"
      : `it may not exist, or you have to sign in: layerstash login ${host}`,
  });
}

/** What a registry says is shown up to here, in characters. */
const LONGEST_TEXT = 1000;

/** The registry's own codes in an answer that is an error; its body is read to the end. */
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
  if (isWebPage(response) || text.startsWith("<")) {
    return { codes: [], text: "a web page, of a proxy perhaps" };
  }
  try {
    const { errors } = v.parse(errorsSchema, JSON.parse(text));
    const said = hide(errors.map(sentence).join("; "));
    return { codes: errors.map(({ code }) => hide(code)), text: singleLine(said.slice(0, LONGEST_TEXT)) };
  } catch {
    return { codes: [], text: singleLine(hide(text).slice(0, 200)) };
  }
}

function sentence({ code, message }: { code: string; message: string }): string {
  return message ? `${message} (${code})` : code;
}

/**
 * The bytes of an answer that has to be small.
 *
 * @throws {MismatchError} when there are more than `most`
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

/**
 * A URL that an answer names, absolute or relative to what was asked; `undefined` = it is none.
 *
 * @throws {RegistryError} when it would lead from https to something else
 */
export function urlNamed(text: string, asked: URL): URL | undefined {
  const url = URL.parse(text, asked);
  if (!url) return undefined;
  // A registry that does not know of the TLS proxy in front of it names its own plain address.
  if (url.hostname === asked.hostname && asked.protocol === "https:") url.protocol = "https:";
  if (url.protocol === "https:" || url.protocol === asked.protocol) return url;
  throw new RegistryError(`${asked.host} leads from ${asked.protocol.slice(0, -1)} to ${schemeOf(url)}`);
}

/** How a URL is spoken to, for messages: what else stands in it may be long, or a secret that comes back. */
export function schemeOf({ protocol }: URL): string {
  return protocol === "http:" || protocol === "https:" ? protocol.slice(0, -1) : "something else";
}

/** How many bytes a header says that there are; `undefined` = it does not say, or what cannot be. */
export function countOf(text: string | null | undefined): number | undefined {
  const count = /^\d+$/.test(text ?? "") ? Number(text) : NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** Whether an answer is a web page: not what a registry gives, though some call an empty answer HTML (Quay). */
export function isWebPage({ headers }: Response): boolean {
  return /^text\/html\b/i.test(headers.get("content-type") ?? "") && !headers.has("docker-content-digest");
}

/**
 * Makes the error of a request that got no answer. It names no URL, and the platform's error, which
 * does, is not its cause: a URL may carry a signature. Where it is `known`
 * that something has answered before, even a wrong certificate may pass: that of a sign-in portal, after a sleep.
 */
export function errorOfNoAnswer(error: unknown, host: string, { known = false } = {}): LayerstashError {
  if (error instanceof Deno.errors.NotCapable) {
    return new NotAllowedError(`this program may not speak to ${host}`, {
      hint: `run it with deno run --allow-net=${host}, or -A`,
      cause: error,
    });
  }
  const text = innermostMessage(error);
  if (/certificate|UnknownIssuer|self.signed|SELF_SIGNED|UNABLE_TO_VERIFY/i.test(text)) {
    return new RegistryError(`${host} shows a certificate that is not trusted (${text})`, {
      hint: /expired|not ?valid ?yet/i.test(text)
        ? "look whether the clock of this machine is right"
        : "name your authority with --ca-file; --insecure-skip-tls-verify trusts anybody",
      transient: known,
    });
  }
  if (/InvalidContentType|corrupt message|wrong version number|packet length too long/i.test(text)) {
    return new RegistryError(`${host} does not speak TLS`, {
      hint: `if it speaks plain http, say so in its name: http://${host}`,
      transient: known,
    });
  }
  return new RegistryError(`${host} does not answer: ${text}`, {
    transient: true,
    hint: known ? "check the network" : `check the name of the registry${shortNames(host)} and the network`,
  });
}

/** Where one word is no host, a short name was meant. */
function shortNames(host: string): string {
  return /[.:]/.test(host) ? "" : " (short names are docker and ghcr)";
}

function innermostMessage(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  return message.replace(/\s*(for url )?\(?https?:\/\/[^\s)]*\)?/g, "")
    .replace(/^error sending request:?\s*/, "")
    .replace(/^client error \(Connect\): (?:(?:tcp connect|dns) error: )?/, "")
    .replace(/ \(os error \d+\)$/, "");
}
