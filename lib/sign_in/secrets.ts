/** Keeps what was sent as proof of who asks out of what a server says in return. @module */
import type { Credentials } from "./credentials.ts";

/** What is shorter says nothing of its own: to hide it would only spoil messages. */
const SHORTEST = 4;

/**
 * The secrets of one registry: passwords and tokens, in every form in which they are sent. Some servers repeat a
 * request in their errors, with all its headers.
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
  /** The longest first: one may be a part of another. */
  #texts: string[] = [];

  /** Takes in what is to be hidden from now on. */
  add(credentials: Credentials): void {
    const texts = new Set([...this.#texts, ...formsOf(credentials)]);
    this.#texts = [...texts].filter(({ length }) => length >= SHORTEST).sort((a, b) => b.length - a.length);
  }

  /** The text with every secret in it hidden. It has to be whole: a part of a secret is not known as one. */
  hide(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  }
}

/** As they are, and as they stand in headers, in JSON and in forms. */
function formsOf(credentials: Credentials): string[] {
  if (credentials.kind === "header") return headerForms(credentials.authorization);
  if (credentials.kind !== "password") return written(credentials.token);
  const { username, password } = credentials;
  const pair = new TextEncoder().encode(`${username}:${password}`);
  return [...written(password), pair.toBase64(), pair.toBase64({ alphabet: "base64url", omitPadding: true })];
}

/** The header, and what stands in it behind its scheme. */
function headerForms(authorization: string): string[] {
  return [authorization, ...authorization.split(/\s+/).slice(1)].flatMap(written);
}

function written(secret: string): string[] {
  const form = new URLSearchParams({ secret }).toString().slice("secret=".length);
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed()), form];
}
