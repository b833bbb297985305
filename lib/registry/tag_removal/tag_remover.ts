/** Removing a tag through a service's own API, where the registry's DELETE is refused. @module */
import * as v from "valibot";
import { LayerstashError, NotAllowedError, RegistryError } from "../../errors.ts";
import { parseAs } from "../../oci/manifest.ts";
import { bytesOf } from "../../http/answers.ts";
import type { CallOptions } from "../../store/store.ts";
import type { Credentials } from "../../sign_in/credentials.ts";
import type { HttpRequest, Transport } from "../../http/request.ts";

/** Removes tags of one repository. */
export interface TagRemover {
  /**
   * Removes one tag and no other. Removing what is not there is no error.
   *
   * @throws {NotAllowedError} when the service refuses, or when other tags would go with it
   * @throws {RegistryError} when the service does not answer, or with something that is no answer
   */
  remove(tag: string, options?: CallOptions): Promise<void>;
}

/** What every remover needs. */
export interface TagRemoverOptions {
  /** Carries the requests. */
  transport: Transport;
  /** Who asks; these APIs take a user name with a token only. */
  credentials: Credentials | undefined;
  /** The full name, such as `me/files`. */
  repository: string;
  /** Scheme and host of the API; absent = the service's own. */
  api?: string | undefined;
}

/** A user name with its password or token. */
export type PasswordCredentials = Extract<Credentials, { kind: "password" }>;

/** An answer, read whole. */
export interface ApiAnswer {
  /** The host that answered, for messages. */
  host: string;
  /** The HTTP status. */
  status: number;
  /** The headers. */
  headers: Headers;
  /** The body. */
  bytes: Uint8Array<ArrayBuffer>;
}

const complaintSchema = v.object({ message: v.optional(v.string()), detail: v.optional(v.string()) });

/**
 * The credentials, where they are of the one kind that these APIs take.
 *
 * @throws {NotAllowedError} when they are of another kind, or when there are none
 */
export function requirePassword(credentials: Credentials | undefined, service: string): PasswordCredentials {
  if (credentials?.kind === "password") return credentials;
  throw new NotAllowedError(`${service} removes tags only for a user name with an access token`, {
    hint: "sign in with layerstash login",
  });
}

/** A page of a hundred versions of a package has some 100 KiB. */
const MAX_ANSWER = 8 * 1024 * 1024;

/**
 * Sends a request and reads its answer whole.
 *
 * @throws {RegistryError} when there is no answer
 */
export async function callApi(transport: Transport, request: HttpRequest): Promise<ApiAnswer> {
  const { host } = request.url;
  try {
    const { status, headers, body } = await transport.send(request);
    const answer = new Response(body);
    return {
      host,
      status,
      headers,
      bytes: await bytesOf(answer, { most: MAX_ANSWER, what: `answer of ${host}` }),
    };
  } catch (cause) {
    request.signal?.throwIfAborted();
    if (cause instanceof LayerstashError) throw cause;
    throw new RegistryError(`${host} does not answer`, { cause });
  }
}

/**
 * Reads a JSON answer of the given shape.
 *
 * @throws {RegistryError} when it is HTML, another shape, or no JSON at all
 */
export function readAnswer<T>(schema: v.GenericSchema<unknown, T>, answer: ApiAnswer): T {
  const { host, status } = answer;
  const mediaType = answer.headers.get("content-type") ?? "no content type";
  if (!mediaType.includes("json")) {
    throw new RegistryError(`${host} sent ${mediaType} where JSON is due`, { status });
  }
  try {
    return parseAs(schema, answer.bytes, `answer of ${host}`);
  } catch (error) {
    // Not carried as the cause: a JSON parser quotes the text, and that may hold an access token.
    if (error instanceof LayerstashError) throw new RegistryError(error.message, { status });
    throw error;
  }
}

/** What the service says about a failure in its own words, without the secret; empty where it says nothing. */
export function complaint(answer: ApiAnswer, secret: string): string {
  try {
    const { message, detail } = readAnswer(complaintSchema, answer);
    const said = message ?? detail ?? "";
    const text = secret === "" ? said : said.replaceAll(secret, "***");
    return text.slice(0, 300).replace(/[\s.]+$/, "");
  } catch {
    return "";
  }
}

/** The error for an answer that is no success; `hint` is for the ones that mean "you may not". */
export function refusal(answer: ApiAnswer, options: { secret: string; hint: string }): LayerstashError {
  const said = complaint(answer, options.secret);
  const message = `${answer.host} answered ${answer.status}${said && `: ${said}`}`;
  const throttled = answer.headers.has("retry-after") || answer.headers.get("x-ratelimit-remaining") === "0";
  if (answer.status === 401 || answer.status === 403 && !throttled) {
    return new NotAllowedError(message, { hint: options.hint });
  }
  return new RegistryError(message, { status: answer.status });
}
