/** Signs in to Azure Container Registry with an Azure token, as appendlayer does. @module */
import * as v from "valibot";
import { LayerstashError, NotAllowedError, RegistryError } from "../errors.ts";
import { bytesOf, errorOfNoAnswer, readUndigested } from "../http/answers.ts";
import type { Transport, TransportOptions } from "../http/request.ts";
import { openTransport } from "../http/transport.ts";
import { parseRegistry } from "../oci/registry_address.ts";
import { parseAs } from "../oci/manifest.ts";
import type { FindCredentials } from "./credentials.ts";

/** The tokens to sign in with; the access token is preferred. */
export interface AzureTokens {
  /** A Microsoft Entra ID access token, which the registry's `/oauth2/exchange` turns into a refresh token. */
  accessToken?: string | undefined;
  /** A refresh token of the registry. */
  refreshToken?: string | undefined;
}

/** The largest answer that is read, in bytes. Answers of token servers are small. */
const MAX_ANSWER = 64 * 1024;
const answerSchema = v.object({ refresh_token: v.pipe(v.string(), v.minLength(1)) });

/**
 * Finds credentials for the hosts that the tokens are for. An access token is exchanged for a refresh token once per
 * host.
 *
 * @param isMeant decides which hosts may see the tokens
 */
export function azureCredentials(
  { accessToken, refreshToken }: AzureTokens,
  { isMeant, ...connection }: TransportOptions & { isMeant: (host: string) => boolean },
): FindCredentials {
  const exchanged = new Map<string, Promise<string>>();
  return async (host) => {
    if (!isMeant(host)) return undefined;
    if (!accessToken) return refreshToken ? { kind: "identity", token: refreshToken } : undefined;
    const token = exchanged.get(host) ?? exchangeToken(host, accessToken, connection);
    exchanged.set(host, token);
    return { kind: "identity", token: await token };
  };
}

async function exchangeToken(
  host: string,
  accessToken: string,
  connection: TransportOptions,
): Promise<string> {
  const transport = openTransport(connection);
  try {
    return await requestRefreshToken(transport, host, accessToken);
  } catch (error) {
    throw error instanceof LayerstashError ? error : errorOfNoAnswer(error, host);
  } finally {
    transport.close();
  }
}

async function requestRefreshToken(transport: Transport, host: string, accessToken: string): Promise<string> {
  const address = parseRegistry(host);
  const url = new URL("/oauth2/exchange", address.kind === "remote" ? address.origin : undefined);
  const form = new URLSearchParams({ service: host });
  form.set("grant_type", "access_token");
  form.set("access_token", accessToken);
  const body = new TextEncoder().encode(form.toString());
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  const answer = await transport.send({ method: "POST", url, headers, body, what: "a refresh token" });
  return await readUndigested(answer, () => readRefreshToken(answer, host));
}

async function readRefreshToken(answer: Response, host: string): Promise<string> {
  const what = `answer of ${host} to the token exchange`;
  const bytes = await bytesOf(answer, { most: MAX_ANSWER, what });
  if (answer.ok) return parseAs(answerSchema, bytes, what).refresh_token;
  if (answer.status >= 500) {
    throw new RegistryError(`${host} answered ${answer.status} to the token exchange`, {
      status: answer.status,
    });
  }
  throw new NotAllowedError(`${host} rejects the access token (${answer.status})`, {
    hint: "it may belong to another tenant or have expired: get a new one with az acr login --expose-token",
  });
}
