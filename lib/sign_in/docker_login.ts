/** Maps a host to its login in docker's or podman's config: the key in `auths`, or the helper program. @module */
import { DOCKER_HUB } from "../oci/registry_address.ts";
import type { Credentials } from "./credentials.ts";
import { type AuthEntry, type DockerConfig, malformedConfig, type NamedConfig } from "./docker_config.ts";

/** Credentials that can be saved. Bearer tokens are not: they are short-lived, and no helper accepts them. */
export type Login = Exclude<Credentials, { kind: "bearer" | "header" }>;

/** The key under which docker saves the login for Docker Hub. */
const HUB_KEY = "https://index.docker.io/v1/";

/** The host, or host and path, that a key stands for. A URL stands for its host; all of Docker Hub's names are one. */
export function scopeOfKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const [host = "", ...segments] = bare.split("/");
  const path = segments.join("/");
  const scope = DOCKER_HUB.has(host) ? "docker.io" : host;
  return bare !== key || /^(v[12]\/?)?$/.test(path) ? scope : `${scope}/${path}`;
}

/** The key under which docker saves the login for a host. */
export function dockerKey(host: string): string {
  const scope = scopeOfKey(host);
  return scope === "docker.io" ? HUB_KEY : scope;
}

/** The names under which a helper may have a host's login: docker's, and podman's if it differs. */
export function helperKeys(host: string): string[] {
  return [...new Set([dockerKey(host), scopeOfKey(host)])];
}

/** The keys of `auths` that stand for a scope; docker's own comes first. */
export function keysOf(config: DockerConfig, scope: string): string[] {
  const keys = Object.keys(config.auths ?? {}).filter((key) => scopeOfKey(key) === scope);
  const own = dockerKey(scope);
  return keys.sort((a, b) => Number(b === own) - Number(a === own));
}

/** The suffixes of the helpers that may have a host's login, in order. Docker saves to the first. */
export function helpersFor(config: DockerConfig, host: string): string[] {
  const scope = scopeOfKey(host);
  const own = Object.entries(config.credHelpers ?? {}).find(([key]) => scopeOfKey(key) === scope)?.[1];
  // An empty suffix, which Go also reads from null, exempts a single host from `credsStore`.
  if (own === "" || own === null) return [];
  return [...new Set([own, config.credsStore])].filter((suffix): suffix is string => Boolean(suffix));
}

/**
 * The login in a config for a repository, such as `ghcr.io/me/files`. Podman's keys may have a path; the longest
 * matching key wins.
 *
 * @throws {LayerstashError} if the entry cannot be decoded
 */
export function loginIn({ name, config }: NamedConfig, repository: string): Credentials | undefined {
  const parts = scopeOfKey(repository).split("/");
  for (let length = parts.length; length > 0; length--) {
    for (const key of keysOf(config, parts.slice(0, length).join("/"))) {
      const found = credentialsOf(config.auths?.[key] ?? {});
      if (found === "undecodable") {
        throw malformedConfig(name, `the auth of ${key} is not user:password in base64`);
      }
      if (found) return found;
    }
  }
  return undefined;
}

/** A login as docker writes it into `auths`. */
export function encodeLogin(login: Login): AuthEntry {
  if (login.kind === "identity") return { identitytoken: login.token };
  return { auth: new TextEncoder().encode(`${login.username}:${login.password}`).toBase64() };
}

function credentialsOf(entry: AuthEntry): Credentials | "undecodable" | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (registrytoken) return { kind: "bearer", token: registrytoken };
  if (identitytoken) return { kind: "identity", token: identitytoken };
  if (auth) return decodeAuth(auth) ?? "undecodable";
  return username && password ? { kind: "password", username, password } : undefined;
}

function decodeAuth(auth: string): Credentials | undefined {
  let pair: string;
  try {
    pair = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(auth));
  } catch {
    return undefined;
  }
  const colon = pair.indexOf(":");
  if (colon < 1) return undefined;
  // Old docker versions padded with NULs.
  const password = pair.slice(colon + 1).replace(/\0+$/, "");
  return { kind: "password", username: pair.slice(0, colon), password };
}
