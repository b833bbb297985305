/** Requests a bearer token from a token server (distribution, docs/spec/auth: token and oauth). @module */
import * as v from "valibot";
import { LayerstashError, NotAllowedError, RegistryError } from "../errors.ts";
import { parseAs } from "../oci/manifest.ts";
import { basicHeader, bearerHeader, givenHeader } from "./authorization_header.ts";
import type { Credentials } from "./credentials.ts";
import { bytesOf, errorOfNoAnswer, readUndigested } from "../http/answers.ts";
import { isTransientAnswer, retryAfterOf } from "../http/retry_after.ts";
import type { Transport } from "../http/request.ts";

/** The token to request, and the credentials to request it with. */
export interface TokenRequest {
  /** What to do to sign in, for hints. */
  howToSignIn: string;
  /** The URL of the token server that the challenge names. */
  realm: URL;
  /** The `service` of the challenge, which is the registry's name for itself. */
  service: string | undefined;
  /** The scopes, such as `repository:me/files:pull,push`. */
  scopes: readonly string[];
  /** The user's credentials; `undefined` = anonymous. */
  credentials: Credentials | undefined;
  signal?: AbortSignal | undefined;
}

/** A token and its lifetime. */
export interface Token {
  /** The text that follows `Bearer`. */
  token: string;
  /** How long it is valid from now on, in milliseconds. */
  lifetime: number;
}

const CLIENT_ID = "layerstash";
const WHAT = "a token";
/** The largest answer that is read, in bytes. Answers of token servers are small; crane has the same limit. */
const MAX_ANSWER = 64 * 1024;
/** The spec's default for `expires_in`, and the shortest lifetime that is believed, in seconds. */
const SHORTEST_LIFETIME = 60;

/** Token servers write `null` where they have no value, and some write the seconds as text. */
const answerSchema = v.object({
  token: v.nullish(v.string()),
  access_token: v.nullish(v.string()),
  expires_in: v.nullish(v.union([v.number(), v.pipe(v.string(), v.decimal(), v.transform(Number))])),
});

// Statuses of token servers that do not know GET or POST: Google 404, Azure 400, Artifactory 401.
const OTHER_WAY = new Set([400, 401, 404, 405]);

/**
 * Requests a token: with POST if there is a refresh token, with GET otherwise. If the server refuses one method, the
 * other is tried.
 *
 * @throws {NotAllowedError} if the server refuses the credentials
 * @throws {RegistryError} if it does not answer, or its answer is malformed
 */
export async function requestToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const { realm, signal } = request;
  try {
    const response = await sendEitherWay(transport, request);
    return await readUndigested(response, () => readToken(response, request));
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof LayerstashError ? error : errorOfNoAnswer(error, realm.host);
  }
}

async function sendEitherWay(transport: Transport, request: TokenRequest): Promise<Response> {
  const { credentials } = request;
  if (credentials === undefined || credentials.kind === "header") return await get(transport, request);
  const ways = credentials.kind === "identity" ? [post, get] : [get, post];
  const first = await ways[0]!(transport, request);
  if (!OTHER_WAY.has(first.status)) return first;
  const second = await ways[1]!(transport, request);
  // "Wrong credentials" (401) tells the user more than "unknown method" does.
  const [better, worse] = second.ok || second.status === 401 ? [second, first] : [first, second];
  await worse.body?.cancel();
  return better;
}

function get(
  transport: Transport,
  { realm, service, scopes, credentials, signal }: TokenRequest,
): Promise<Response> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  url.searchParams.set("client_id", CLIENT_ID);
  const headers = new Headers();
  if (credentials?.kind === "password") {
    url.searchParams.set("account", credentials.username);
    headers.set("authorization", basicHeader(credentials.username, credentials.password));
  } else if (credentials?.kind === "identity") {
    headers.set("authorization", bearerHeader(credentials.token));
  } else if (credentials?.kind === "header") {
    headers.set("authorization", givenHeader(credentials.authorization));
  }
  return transport.send({ method: "GET", url, headers, what: WHAT, signal });
}

function post(
  transport: Transport,
  { realm, service, scopes, credentials, signal }: TokenRequest,
): Promise<Response> {
  const form = new URLSearchParams({ client_id: CLIENT_ID, scope: scopes.join(" ") });
  if (service !== undefined) form.set("service", service);
  if (credentials?.kind === "password") {
    form.set("grant_type", "password");
    form.set("username", credentials.username);
    form.set("password", credentials.password);
  } else if (credentials && credentials.kind !== "header") {
    form.set("grant_type", "refresh_token");
    form.set("refresh_token", credentials.token);
  }
  const body = new TextEncoder().encode(form.toString());
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  return transport.send({ method: "POST", url: realm, headers, body, what: WHAT, signal });
}

async function readToken(
  response: Response,
  { howToSignIn, realm, credentials }: TokenRequest,
): Promise<Token> {
  const what = `answer of the token server ${realm.host}`;
  const bytes = await bytesOf(response, { most: MAX_ANSWER, what });
  const { status } = response;
  if (status === 401 || status === 403 || (status === 400 && credentials)) {
    throw new NotAllowedError(
      credentials
        ? `the token server ${realm.host} refuses the user name or the password`
        : `the token server ${realm.host} gives no token to anonymous users`,
      { hint: `sign in with: ${howToSignIn}`, needsSignIn: status === 401 },
    );
  }
  if (!response.ok) {
    throw new RegistryError(`the token server ${realm.host} answered ${status}`, {
      status,
      transient: isTransientAnswer(status, []),
      retryAfter: retryAfterOf(response.headers),
    });
  }
  const answer = parseAs(answerSchema, bytes, what);
  const token = answer.token || answer.access_token;
  if (!token) {
    throw new RegistryError(`the answer of the token server ${realm.host} contains no token`, { status });
  }
  return { token, lifetime: Math.max(SHORTEST_LIFETIME, answer.expires_in ?? 0) * 1000 };
}
