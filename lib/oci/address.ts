/** Addresses of what registries, layouts and archives hold, in the notation of docker and skopeo. @module */
import { InvalidInputError } from "../errors.ts";
import { quoted, withoutPasswords } from "../messages.ts";
import {
  hasPassword,
  parseRegistry,
  type RegistryAddress,
  requireExpandedHome,
  withHome,
} from "./registry_address.ts";
import {
  existingPath,
  isDirectory,
  isFile,
  isPath,
  type PathReference,
  splitPath,
  withoutDigest,
} from "./path_reference.ts";
import { parseRepository, parseTag } from "./reference.ts";

/** An archive of images, which is read in place. */
export interface ArchiveAddress {
  /** Distinguishes an archive from a directory and a server. */
  kind: "archive";
  /** The path of the file. */
  file: string;
  /** How the user named it, for messages: `docker-archive:image.tar`. */
  name: string;
  /** Which list of images counts where the archive has both: OCI's `index.json`, or docker's `manifest.json`. */
  form: "oci" | "docker";
}

/**
 * A repository or a layout, or a thing in it: an image, or a stored file.
 *
 * @category Stores
 */
export interface Address {
  /** The address as it was written. */
  text: string;
  /** The registry, the layout or the archive. */
  registry: RegistryAddress | ArchiveAddress;
  /** The repository's name; empty for a layout and an archive. */
  repository: string;
  /**
   * A tag, the name of a stored file, a digest, or a name in a layout or an archive; `undefined` if the address names
   * nothing in the repository, the layout or the archive. Where an image is wanted, it then has to hold exactly one.
   */
  reference: string | undefined;
}

/**
 * Reads an address: one word that names a repository, or a thing in it, as docker and skopeo write it. Examples are
 * `ghcr.io/me/files:disk`, `me/files` (of Docker Hub), `localhost:5000/x@sha256:...`, `http://host/x:tag`, and
 * `oci:DIR:NAME`, where DIR is one OCI layout. Archives are `oci-archive:FILE:NAME`, `docker-archive:FILE:NAME`,
 * `oci:FILE:NAME`, or a path such as `./image.tar`. URLs of a repository's API, such as `https://ghcr.io/v2/me/files/`,
 * are understood, too.
 *
 * @category Stores
 * @throws {InvalidInputError} if the text is not an address
 *
 * @example
 * ```ts
 * import { parseAddress } from "@layerstash/cli";
 * const { repository, reference } = parseAddress("ghcr.io/me/files:disk");
 * if (repository !== "me/files" || reference !== "disk") throw new Error("unexpected address");
 * ```
 */
export function parseAddress(text: string): Address {
  if (typeof text !== "string") throw notAnAddress(text);
  const local = localImage(text) ?? archiveImage(text);
  if (local) return local;
  refuseForeign(text);
  if (/^[./~]/.test(text) || isPath(text)) throw notAnAddressPath(text); // no host begins with these
  return remoteAddress(text);
}

/**
 * Reads the address of an image. It is an address as any other, but in a registry the tag defaults to `latest`, as for
 * docker.
 *
 * @throws {InvalidInputError} if the text is not an address
 *
 * @example
 * ```ts
 * import { parseImage } from "@layerstash/cli/images";
 * const { repository, reference } = parseImage("localhost:5000/me/app");
 * if (repository !== "me/app" || reference !== "latest") throw new Error("unexpected address");
 * ```
 */
export function parseImage(text: string): Address {
  const address = parseAddress(text);
  const isRemote = address.registry.kind === "remote";
  return isRemote ? { ...address, reference: address.reference ?? "latest" } : address;
}

/** Reads the address of something in a registry that speaks HTTP. */
function remoteAddress(text: string): Address {
  if (withoutPasswords(text) !== text) throw hasPassword(); // a part of it would be shown as a tag
  const [, scheme = "", rest = ""] = /^(https?:\/\/|docker:\/\/)?(.*)$/s.exec(text) ?? [];
  const { name, digest } = withoutDigest(rest.replace(/(\/v2)?\/$/, ""));
  const colon = name.lastIndexOf(":");
  const tagged = colon > name.lastIndexOf("/");
  const path = tagged ? name.slice(0, colon) : name;
  const tag = tagged ? parseTag(name.slice(colon + 1)) : undefined;
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // As docker decides: the first component is a host if it has a dot or a port, or is localhost.
  const hosted = scheme.startsWith("http") || /[.:]/.test(first) || first === "localhost";
  if (slash < 0 && (hosted || path.includes(".") || path === "localhost")) {
    throw notAnAddress(text, `a registry alone is not enough: add a repository, as in ${name}/me/files`);
  }
  const registry = hosted ? (scheme.startsWith("http") ? scheme : "") + first : "docker.io";
  const repository = parseRepository(hosted ? path.slice(slash + 1).replace(/^v2\//, "") : path);
  return { text, registry: parseRegistry(registry), repository, reference: digest ?? tag };
}

/** The transports of images in files and directories. */
const LOCAL = /^(oci|oci-archive|docker-archive):(.*)$/s;

/** Reads `oci:DIR:NAME`, `oci-archive:FILE:NAME` or `docker-archive:FILE:NAME`. */
function localImage(text: string): Address | undefined {
  const [, transport = "", rest = ""] = LOCAL.exec(text) ?? [];
  if (transport === "") return undefined;
  requireExpandedHome(transport, rest);
  const { path, reference } = splitPath(rest, text);
  const isArchive = transport !== "oci" || isFile(path);
  if (!isArchive) return { text, registry: parseRegistry(`oci:${path}`), repository: "", reference };
  if (path === "") throw new InvalidInputError(`${quoted(text)} needs a file after the colon`);
  const form = transport === "docker-archive" ? "docker" : "oci";
  return archive(text, { path, reference }, { name: `${transport}:${path}`, form });
}

/** Reads the path of an archive, such as `./image.tar`, perhaps with a name after it. */
function archiveImage(text: string): Address | undefined {
  const found = /^[./~]/.test(text) ? existingPath(text, isFile) : undefined;
  return found && archive(text, found, { name: found.path, form: "oci" });
}

function archive(
  text: string,
  { path: file, reference }: PathReference,
  { name, form }: Pick<ArchiveAddress, "name" | "form">,
): Address {
  return { text, registry: { kind: "archive", file, name, form }, repository: "", reference };
}

/** The transports of other tools that are not read, and what to type for each. They are never asked for as hosts. */
const FOREIGN: Readonly<Record<string, string>> = {
  "dir": "convert it, as in: skopeo copy dir:PATH oci:DIR:TAG",
  "docker-daemon": "save it first: docker save -o FILE.tar IMAGE; then use docker-archive:FILE.tar",
  "containers-storage":
    "save it first: podman save --format oci-archive -o FILE.tar IMAGE; then use oci-archive:FILE.tar",
  "ostree": "convert it, as in: skopeo copy ostree:IMAGE oci:DIR:TAG",
  "sif": "convert it, as in: skopeo copy sif:FILE oci:DIR:TAG",
  "ocidir": "name the directory as in oci:DIR:TAG",
};

/** A host of such a name is meant where a port follows, as in `dir:5000/me/app`. */
function refuseForeign(text: string): void {
  const [, transport = ""] = /^([a-z-]+):(?![0-9]+\/)/.exec(text) ?? [];
  if (!Object.hasOwn(FOREIGN, transport)) return;
  throw new InvalidInputError(`the transport ${transport}: of ${quoted(text)} is not supported`, {
    hint: FOREIGN[transport],
  });
}

/** The names of archives, perhaps compressed ones. */
const ARCHIVE_NAME = /\.(tar|tgz)(\.\w+)?$/i;

/**
 * A hint for who names a file as `image.tar`, or a directory as `box`, which are read as names in a registry; `undefined` if
 * the current directory has neither.
 */
export function hintOfFile(text: string): string | undefined {
  const path = text.replace(/:[^:/]*$/, "");
  if (LOCAL.test(text) || /^[./~]|:/.test(path)) return undefined;
  if (isFile(path)) return `for the file ${path} in this directory, use ./${text}`;
  return isDirectory(path) ? `for the directory ${path} here, use oci:${text}` : undefined;
}

/** The error for a path that is not an archive. It suggests `oci:`. */
function notAnAddressPath(text: string): InvalidInputError {
  const hint = `for a directory, use oci:${withHome(text)}`;
  if (!ARCHIVE_NAME.test(text) || isDirectory(text)) return notAnAddress(text, hint);
  return new InvalidInputError(`there is no file ${text}`, { hint });
}

const USE =
  "use an address such as nginx:alpine, ghcr.io/me/app:1.2, localhost:5000/app@sha256:..., oci:DIR:TAG, or docker-archive:FILE";

function notAnAddress(text: string, hint = USE): InvalidInputError {
  return new InvalidInputError(`${quoted(text)} is not an address`, { hint });
}
