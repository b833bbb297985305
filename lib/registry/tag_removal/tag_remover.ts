/** What the removers of tags have in common, and how they call the API of a service. @module */
import * as v from "valibot";
import type { Bytes } from "../../content/bytes.ts";
import { LayerstashError, NotAllowedError, RegistryError } from "../../errors.ts";
import { parseAs } from "../../oci/manifest.ts";
import { bytesOf } from "../../http/answers.ts";
import type { CallOptions } from "../../store/store.ts";
import type { Credentials } from "../../sign_in/credentials.ts";
import type { HttpRequest, Transport } from "../../http/request.ts";

/** Removes tags of one repository. */
export interface TagRemover {
  /** Whether the registry has refused to remove a tag by its name, as distribution before 3.0 does. */
  readonly refusesNames?: boolean;
  /**
   * Removes one tag and no other. Removing a tag that does not exist is not an error.
   *
   * @throws {NotAllowedError} if the service refuses, or other tags would be removed with it
   * @throws {RegistryError} if the service does not answer, or its answer is malformed
   */
  remove(tag: string, options?: CallOptions): Promise<void>;
}

/** What the remover for a service takes. */
export interface TagRemoverOptions {
  /** Sends the requests. */
  transport: Transport;
  /** The credentials. These APIs only take a user name with a token. */
  credentials: Credentials | undefined;
  /** The full name, such as `me/files`. */
  repository: string;
  /** Scheme and host of the API; absent = the service's own. */
  api?: string | undefined;
}

/** A user name with its password or token. */
export type PasswordCredentials = Extract<Credentials, { kind: "password" }>;

/** An answer with its whole body. */
export interface ApiAnswer {
  /** The host that answered, for messages. */
  host: string;
  /** The HTTP status. */
  status: number;
  /** The headers. */
  headers: Headers;
  /** The body. */
  bytes: Bytes;
}

const complaintSchema = v.object({ message: v.nullish(v.string()), detail: v.nullish(v.string()) });

/**
 * Requires credentials of the one kind that these APIs take.
 *
 * @throws {NotAllowedError} if there are none, or they are of another kind
 */
export function requirePassword(credentials: Credentials | undefined, service: string): PasswordCredentials {
  if (credentials?.kind === "password") return credentials;
  throw new NotAllowedError(`${service} removes tags only for a user name with an access token`, {
    hint: "sign in with layerstash login",
  });
}

/** The largest answer that is read, in bytes. A page of a hundred package versions has some 100 KiB. */
const MAX_ANSWER = 8 * 1024 * 1024;

/**
 * Sends a request and reads the whole answer.
 *
 * @throws {RegistryError} if there is no answer
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
 * @throws {RegistryError} if the answer is not JSON, or has another shape
 */
export function readAnswer<T>(schema: v.GenericSchema<unknown, T>, answer: ApiAnswer): T {
  const { host, status } = answer;
  const mediaType = answer.headers.get("content-type") ?? "no content type";
  if (!mediaType.includes("json")) {
    throw new RegistryError(`${host} sent ${mediaType} instead of JSON`, { status });
  }
  try {
    return parseAs(schema, answer.bytes, `answer of ${host}`);
  } catch (error) {
    // The error is not the cause: a JSON parser quotes the text, which may hold an access token.
    if (error instanceof LayerstashError) throw new RegistryError(error.message, { status });
    throw error;
  }
}

/** The service's own words about a failure, without the secret; empty if it has none. */
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

/** The error for an answer that is not a success. The hint is for refusals. */
export function refusal(answer: ApiAnswer, options: { secret: string; hint: string }): LayerstashError {
  const said = complaint(answer, options.secret);
  const message = `${answer.host} answered ${answer.status}${said && `: ${said}`}`;
  const throttled = answer.headers.has("retry-after") || answer.headers.get("x-ratelimit-remaining") === "0";
  if (answer.status === 401 || answer.status === 403 && !throttled) {
    return new NotAllowedError(message, { hint: options.hint });
  }
  return new RegistryError(message, { status: answer.status });
}
