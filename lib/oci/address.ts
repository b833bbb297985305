/** What `--registry` says: which server, or which directory. @module */
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";

/** A registry that speaks HTTP. */
export interface RemoteAddress {
  /** Tells it from a layout. */
  kind: "remote";
  /** Scheme, host and port that requests go to: `https://registry-1.docker.io`. */
  origin: string;
  /** The name that people know it by and that credentials are kept under: `docker.io`, `localhost:5000`. */
  host: string;
}

/** A directory of OCI image layouts. */
export interface LayoutAddress {
  /** Tells it from a server. */
  kind: "layout";
  /** The directory in which repository `a/b` is the layout `a/b`. */
  directory: string;
}

/** Where repositories are. */
export type RegistryAddress = RemoteAddress | LayoutAddress;

const SHORT_NAMES = new Map([["docker", "docker.io"], ["ghcr", "ghcr.io"]]);
/** The names of Docker Hub's registry: all are one. */
export const DOCKER_HUB: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
]);

/**
 * Reads the name of a registry: `docker`, `ghcr`, a host, a URL, or `oci:DIR`. Loopback hosts are spoken to over
 * http, all others over https, unless a URL says otherwise.
 *
 * @throws {InvalidInputError} when it is none of these
 */
export function parseRegistry(text: string): RegistryAddress {
  if (typeof text !== "string") throw notARegistry(text);
  if (text.startsWith("oci:")) return layoutAddress(text.slice("oci:".length));
  const url = parseUrl(SHORT_NAMES.get(text) ?? text);
  if (url.username || url.password) {
    throw new InvalidInputError("the registry's URL has a user name or password in it", {
      hint: "use --username, or layerstash login",
    });
  }
  if (url.pathname !== "/" && !/^\/v[12]\/?$/.test(url.pathname) || url.search || url.hash) {
    throw new InvalidInputError(
      `${quoted(text)} is not a registry: a registry is a host, with no path behind it`,
    );
  }
  if (DOCKER_HUB.has(url.host)) {
    return { kind: "remote", origin: "https://registry-1.docker.io", host: "docker.io" };
  }
  return { kind: "remote", origin: url.origin, host: url.host };
}

/** Whether a host is this machine: `localhost`, `127.0.0.0/8` or `::1`. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The repository's name as the registry knows it: on Docker Hub, `nginx` is `library/nginx`. */
export function fullRepository(address: RegistryAddress, repository: string): string {
  const official = address.kind === "remote" && address.host === "docker.io" && !repository.includes("/");
  return official ? `library/${repository}` : repository;
}

function layoutAddress(directory: string): LayoutAddress {
  if (directory === "") {
    throw new InvalidInputError('"oci:" needs a directory behind it', { hint: "as in oci:./box" });
  }
  if (directory.includes("\0")) throw new InvalidInputError("a directory has no NUL in its name");
  return { kind: "layout", directory };
}

function parseUrl(text: string): URL {
  const explicit = /^https?:\/\//i.test(text);
  const secure = URL.parse(explicit ? text : `https://${text}`);
  const url = !explicit && secure && isLoopback(secure.hostname) ? URL.parse(`http://${text}`) : secure;
  if (url?.hostname) return url;
  throw notARegistry(text);
}

function notARegistry(text: string): InvalidInputError {
  const named = String(text).includes("@") ? "this" : quoted(text); // what stands before an @ may be a password
  return new InvalidInputError(`${named} is not a registry`, {
    hint: "use docker, ghcr, a host such as registry.example.com or localhost:5000, a URL, or oci:DIR",
  });
}
