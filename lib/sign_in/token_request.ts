/** Asks a token server for a bearer token (distribution, docs/spec/auth: token and oauth). @module */
import * as v from "valibot";
import { LayerstashError, NotAllowedError, RegistryError } from "../errors.ts";
import { parseAs } from "../oci/manifest.ts";
import type { Credentials } from "./credentials.ts";
import { bytesOf, errorOfNoAnswer } from "../http/answers.ts";
import { isTransientAnswer, retryAfterOf } from "../http/retry_after.ts";
import type { Transport } from "../http/transport.ts";

/** What a token is wanted for. */
export interface TokenRequest {
  /** The registry's name, for messages. */
  host: string;
  /** The token server, as the challenge names it. */
  realm: URL;
  /** The registry's name for itself, where the challenge has one. */
  service: string | undefined;
  /** Such as `repository:me/files:pull,push`. */
  scopes: readonly string[];
  /** Who asks; absent = anybody. */
  credentials: Credentials | undefined;
  signal?: AbortSignal | undefined;
}

/** A token and how long it serves. */
export interface Token {
  /** What goes behind `Bearer`. */
  token: string;
  /** Its life from now on, in milliseconds. */
  lifetime: number;
}

const CLIENT_ID = "layerstash";
const WHAT = "a token";
/** Answers of token servers are small; crane stops at the same size. */
const MAX_ANSWER = 64 * 1024;
/** The spec's default, and the least that is believed. */
const SHORTEST_LIFE = 60;

const answerSchema = v.object({
  token: v.optional(v.string()),
  access_token: v.optional(v.string()),
  expires_in: v.optional(v.number()),
});

// Servers that do not know the one way of asking say so with one of these (Google 404, Azure 400, Artifactory 401).
const OTHER_WAY = new Set([400, 401, 404, 405]);

/**
 * Asks for a token: with a POST where there is a refresh token, with a GET otherwise; the other way where the
 * server refuses the first.
 *
 * @throws {NotAllowedError} when the credentials are refused
 */
export async function requestToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const { realm, signal } = request;
  try {
    return await readToken(await ask(transport, request), request);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof LayerstashError ? error : errorOfNoAnswer(error, realm.host);
  }
}

async function ask(transport: Transport, request: TokenRequest): Promise<Response> {
  const { credentials } = request;
  if (credentials === undefined || credentials.kind === "header") return await get(transport, request);
  const ways = credentials.kind === "identity" ? [post, get] : [get, post];
  const first = await ways[0]!(transport, request);
  if (!OTHER_WAY.has(first.status)) return first;
  const second = await ways[1]!(transport, request);
  // What says that the credentials are wrong says more than what says that the way is not known.
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
    headers.set("authorization", basic(credentials.username, credentials.password));
  } else if (credentials?.kind === "identity") {
    headers.set("authorization", bearer(credentials.token));
  } else if (credentials?.kind === "header") {
    headers.set("authorization", header(credentials.authorization));
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

async function readToken(response: Response, { host, realm, credentials }: TokenRequest): Promise<Token> {
  const what = `answer of the token server ${realm.host}`;
  const bytes = await bytesOf(response, { most: MAX_ANSWER, what });
  const { status } = response;
  if (status === 401 || status === 403 || (status === 400 && credentials)) {
    throw new NotAllowedError(
      credentials
        ? `the token server ${realm.host} refuses the user name or the password`
        : `the token server ${realm.host} gives no token to somebody who is not signed in`,
      { hint: `sign in with: layerstash login ${host}` },
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
    throw new RegistryError(`the answer of the token server ${realm.host} has no token in it`, { status });
  }
  return { token, lifetime: Math.max(SHORTEST_LIFE, answer.expires_in ?? 0) * 1000 };
}

/**
 * The `Authorization` header of a token (RFC 6750).
 *
 * @throws {NotAllowedError} when no header can carry it: the platform's own error would quote it
 */
export function bearer(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new NotAllowedError("the token has characters in it that no token has", {
    hint: "it may have a blank or a line break at its end, or be cut off",
  });
}

/**
 * An `Authorization` header as the user gave it.
 *
 * @throws {NotAllowedError} when it is none: the platform's own error would quote it
 */
export function header(authorization: string): string {
  if (/^[\x21-\x7e]+( [\x20-\x7e]*[\x21-\x7e])?$/.test(authorization)) return authorization;
  throw new NotAllowedError("the authorization has characters in it that no header has");
}

/** The `Authorization` header of a user name and a password (RFC 7617, in UTF-8). */
export function basic(username: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
