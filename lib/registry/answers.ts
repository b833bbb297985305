/** What a registry's answer means when it is not the one that was hoped for. @module */
import * as v from "valibot";
import { collect } from "../content/collect.ts";
import { NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { isTransientAnswer, parseRetryAfter } from "./retry.ts";

/** Errors are short; what is longer is a web page. */
const MAX_ERROR_BODY = 64 * 1024;

const errorsSchema = v.object({
  errors: v.array(v.object({ code: v.optional(v.string(), "UNKNOWN"), message: v.optional(v.string(), "") })),
});

// A session that the server has lost, or that is elsewhere than we think: the blob has to be begun again.
const SESSION_LOST = new Set(["BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "RANGE_INVALID"]);

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
}

/** Makes the error of an answer, and reads its body to the end. */
export async function errorOf(response: Response, asked: Asked): Promise<Error> {
  const { status } = response;
  const { codes, text } = await readErrors(response);
  const message = `${asked.host} answered ${status} to the request for ${asked.what}${text && `: ${text}`}`;
  if (asked.redirected && status === 403) return new RegistryError(message, { status, transient: true });
  if (status === 401 || status === 403) return notAllowed(message, asked);
  if (status === 404 && !codes.some((code) => SESSION_LOST.has(code) || asked.passing?.includes(code))) {
    return new NotFoundError(message);
  }
  const passes = codes.some((code) => SESSION_LOST.has(code) || asked.passing?.includes(code));
  return new RegistryError(message, {
    status,
    codes,
    transient: passes || isTransientAnswer(status, codes),
    retryAfter: parseRetryAfter(response.headers.get("retry-after")),
  });
}

function notAllowed(message: string, { host, signedIn }: Asked): NotAllowedError {
  return new NotAllowedError(message, {
    hint: signedIn
      ? "the user name or the token is wrong, or has no right to do this"
      : `it may not exist, or you have to sign in: layerstash login ${host}`,
  });
}

async function readErrors(response: Response): Promise<{ codes: string[]; text: string }> {
  const body = response.body
    ? await collect(response.body, MAX_ERROR_BODY).catch(() => new Uint8Array())
    : undefined;
  const text = new TextDecoder().decode(body ?? new Uint8Array()).trim();
  if (isWebPage(response) || text.startsWith("<")) {
    return { codes: [], text: "a web page, of a proxy perhaps" };
  }
  try {
    const { errors } = v.parse(errorsSchema, JSON.parse(text));
    return { codes: errors.map(({ code }) => code), text: errors.map(sentence).join("; ") };
  } catch {
    return { codes: [], text: text.slice(0, 200) };
  }
}

function sentence({ code, message }: { code: string; message: string }): string {
  return message ? `${message} (${code})` : code;
}

/** Whether an answer is a web page: not what a registry gives. */
export function isWebPage(response: Response): boolean {
  return /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
}

/** Makes the error of a request that got no answer. It names no URL: that may carry a signature. */
export function errorOfNoAnswer(error: unknown, host: string): RegistryError {
  const text = innermostMessage(error);
  if (/certificate|UnknownIssuer|self.signed|SELF_SIGNED|UNABLE_TO_VERIFY/i.test(text)) {
    return new RegistryError(`${host} shows a certificate that is not trusted (${text})`, {
      hint: "name your authority with --ca-file; --insecure-skip-tls-verify trusts anybody",
      cause: error,
    });
  }
  if (/InvalidContentType|corrupt message|wrong version number|packet length too long/i.test(text)) {
    return new RegistryError(`${host} does not speak TLS`, {
      hint: `if it speaks plain http, say so: --registry http://${host}`,
      cause: error,
    });
  }
  return new RegistryError(`${host} does not answer: ${text}`, {
    transient: true,
    hint: "check the name of the registry and the network",
    cause: error,
  });
}

function innermostMessage(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  return message.replace(/\s*(for url )?\(?https?:\/\/[^\s)]*\)?/g, "").replace(
    /^error sending request:?\s*/,
    "",
  );
}
