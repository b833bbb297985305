/** Registry addresses: a server that speaks HTTP, or a directory of OCI image layouts. @module */
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { isPath } from "./path_reference.ts";

/** A registry that speaks HTTP. */
export interface RemoteAddress {
  /** Distinguishes a server from a directory. */
  kind: "remote";
  /** Scheme, host and port that requests go to: `https://registry-1.docker.io`. */
  origin: string;
  /** The name that users write and that credentials are saved under: `docker.io`, `localhost:5000`. */
  host: string;
}

/** A directory of OCI image layouts. */
export interface LayoutAddress {
  /** Distinguishes a directory from a server. */
  kind: "layout";
  /** The directory in which repository `a/b` is the layout `a/b`. */
  directory: string;
}

/** The server or the directory that holds repositories. */
export type RegistryAddress = RemoteAddress | LayoutAddress;

const SHORT_NAMES = new Map([["docker", "docker.io"], ["ghcr", "ghcr.io"]]);
/** Web sites whose names are taken for those of their registries, and the words that people use for them. */
const WEB_SITES: ReadonlyMap<string, string> = new Map([
  ...["hub.docker.com", "docker.com", "www.docker.com", "hub", "dockerhub"].map((site) =>
    [site, "docker.io"] as const
  ),
  ...["github.com", "www.github.com", "github"].map((site) => [site, "ghcr.io"] as const),
  ...["gitlab.com", "gitlab"].map((site) => [site, "registry.gitlab.com"] as const),
  ["quay", "quay.io"],
]);
/** All host names of Docker Hub's registry. */
export const DOCKER_HUB: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
]);

/**
 * Reads the name of a registry: `docker`, `ghcr`, a host, a URL, or `oci:DIR`. Without a scheme, loopback hosts are
 * reached over http and all others over https.
 *
 * @throws {InvalidInputError} if the text is none of these
 */
export function parseRegistry(text: string): RegistryAddress {
  if (typeof text !== "string") throw notARegistry(text);
  if (text.startsWith("oci:")) return layoutAddress(text.slice("oci:".length));
  const url = parseUrl(SHORT_NAMES.get(text) ?? text);
  if (url.username || url.password) throw hasPassword();
  const meant = meantRegistry(text);
  if (meant && WEB_SITES.has(url.host)) {
    const what = url.host.includes(".") ? "is a web site, not a registry" : "is not a registry";
    throw new InvalidInputError(`${quoted(text)} ${what}`, { hint: `use ${meant.registry}` });
  }
  if (url.pathname !== "/" && !/^\/v[12]\/?$/.test(url.pathname) || url.search || url.hash) {
    throw new InvalidInputError(
      `${quoted(text)} is not a registry: a registry is a host, without a path after it`,
      {
        hint: isPath(text)
          ? pathHint(text)
          : `name the registry alone, ${url.host}: what follows belongs to the name of the repository`,
      },
    );
  }
  if (DOCKER_HUB.has(url.host)) {
    return { kind: "remote", origin: "https://registry-1.docker.io", host: "docker.io" };
  }
  return { kind: "remote", origin: url.origin, host: url.host };
}

/**
 * The registry and the path that are meant by a text that is not a registry: a web site, or a registry with a path after it.
 * `undefined` if the text is a registry, or tells nothing.
 */
export function meantRegistry(text: string): { registry: string; path: string } | undefined {
  if (isPath(text) || /^[a-z-]+:(?!\/\/|\d)/.test(text)) return undefined;
  const [, scheme = "", host = "", rest = ""] = /^(https?:\/\/)?([^/?#@]+)(?:\/([^?#@]*))?$/.exec(text) ?? [];
  // The look behind keeps a long run of slashes from being tried at each of them.
  const path = rest.replace(/(?<!\/)\/+$/, "");
  const site = host.includes(".") || scheme === "" ? WEB_SITES.get(host) : undefined;
  if (site !== undefined) return { registry: site, path: repositoryOnPage(path) };
  return host === "" || path === "" || /^v[12]$/.test(path) ? undefined : { registry: scheme + host, path };
}

/** The repository that a page of Docker Hub or GitHub shows. */
function repositoryOnPage(path: string): string {
  const [, owner, container] =
    /^(?:orgs\/|users\/)?([^/]+)\/.*(?:pkgs|packages)\/container\/(?:package\/)?([^/]+)/.exec(path) ?? [];
  return owner === undefined ? path.replace(/^(?:r|_|repository\/docker)\//, "") : `${owner}/${container}`;
}

/** Whether a host is this machine: `localhost`, `127.0.0.0/8` or `::1`. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether others on the network can read what is sent to a URL: it is of another machine, and not of https. */
export function isOverheard(url: string | URL): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== "https:" && !isLoopback(hostname);
}

/**
 * A registry's name, or a name that begins with it, as it has to be typed: the scheme stands before it where the name
 * alone would mean the other one.
 *
 * @param url a URL of the registry, which has the scheme; the names of directories stay as they are
 */
export function typedName(name: string, url: string): string {
  const { protocol, hostname } = new URL(url);
  const usual = isLoopback(hostname) ? "http:" : "https:";
  return protocol === usual || !protocol.startsWith("http") ? name : `${protocol}//${name}`;
}

/** The repository's full name in its registry: on Docker Hub, `nginx` is `library/nginx`. */
export function fullRepository(address: RegistryAddress, repository: string): string {
  const official = address.kind === "remote" && address.host === "docker.io" && !repository.includes("/");
  return official ? `library/${repository}` : repository;
}

function layoutAddress(directory: string): LayoutAddress {
  if (directory === "") {
    throw new InvalidInputError('"oci:" needs a directory after it', { hint: "as in oci:./box" });
  }
  requireExpandedHome("oci", directory);
  if (directory.includes("\0")) throw new InvalidInputError("the directory's name contains a NUL character");
  return { kind: "layout", directory };
}

function parseUrl(text: string): URL {
  const explicit = /^https?:\/\//i.test(text);
  const secure = URL.parse(explicit ? text : `https://${text}`);
  const url = !explicit && secure && isLoopback(secure.hostname) ? URL.parse(`http://${text}`) : secure;
  if (url?.hostname) return url;
  throw notARegistry(text);
}

function pathHint(path: string): string {
  return `a directory is named as in oci:${withHome(path)}`;
}

/** A path as shells expand it after `oci:`, too: they expand a tilde only at the beginning of a word. */
export function withHome(path: string): string {
  return path.replace(/^~(?=\/|$)/, "$HOME");
}

/**
 * Makes sure that the path after `oci:` and the like does not begin with `~/`, which shells do not expand there.
 *
 * @throws {InvalidInputError} if it does
 */
export function requireExpandedHome(transport: string, path: string): void {
  if (withHome(path) === path) return;
  throw new InvalidInputError(`shells do not expand the ~ of ${quoted(`${transport}:${path}`)}`, {
    hint: `use ${transport}:${withHome(path)}; a directory with the name ~ is ${transport}:./~`,
  });
}

/** The error for a URL that would sign in. */
export function hasPassword(): InvalidInputError {
  return new InvalidInputError("the registry's URL contains a user name or password", {
    hint: "use --username, or layerstash login",
  });
}

function notARegistry(text: string): InvalidInputError {
  const named = String(text).includes("@") ? "this" : quoted(text); // the text before an @ may hold a password
  return new InvalidInputError(`${named} is not a registry`, {
    hint: isPath(String(text)) && named !== "this"
      ? pathHint(text)
      : "use docker, ghcr, a host such as registry.example.com or localhost:5000, a URL, or oci:DIR",
  });
}
