/** Hides passwords and tokens in the text of a server's answers. @module */
import type { Credentials } from "./credentials.ts";

/** The shortest secret that is hidden, in characters. Hiding shorter ones would garble messages and protect nothing. */
const SHORTEST = 4;

/**
 * The secrets of one registry: passwords and tokens, in every encoding in which they are sent. Some servers repeat a
 * request with all its headers in their errors.
 *
 * @example
 * ```ts
 * import { Secrets } from "./secrets.ts";
 * const secrets = new Secrets();
 * secrets.add({ kind: "password", username: "me", password: "open-sesame" });
 * const said = secrets.hide("me may not enter with open-sesame");
 * if (said !== "me may not enter with ***") throw new Error("unexpected");
 * ```
 */
export class Secrets {
  /** All encodings, the longest first, because one may contain another. */
  #texts: string[] = [];

  /** Hides these credentials from now on. */
  add(credentials: Credentials): void {
    const texts = new Set([...this.#texts, ...encodingsOf(credentials)]);
    this.#texts = [...texts].filter(({ length }) => length >= SHORTEST).sort((a, b) => b.length - a.length);
  }

  /** Replaces every secret in the text by `***`. Pass the whole text: a truncated secret is not recognized. */
  hide(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  }
}

/** The credentials in each encoding: plain, in headers, in JSON, and in forms. */
function encodingsOf(credentials: Credentials): string[] {
  if (credentials.kind === "header") return headerEncodings(credentials.authorization);
  if (credentials.kind !== "password") return textEncodings(credentials.token);
  const { username, password } = credentials;
  const pair = new TextEncoder().encode(`${username}:${password}`);
  return [
    ...textEncodings(password),
    pair.toBase64(),
    pair.toBase64({ alphabet: "base64url", omitPadding: true }),
  ];
}

/** The header, and the secret that follows its scheme. */
function headerEncodings(authorization: string): string[] {
  return [authorization, ...authorization.split(/\s+/).slice(1)].flatMap(textEncodings);
}

function textEncodings(secret: string): string[] {
  const form = new URLSearchParams({ secret }).toString().slice("secret=".length);
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed()), form];
}
