/** Image references, in the notation of docker and skopeo. @module */
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { parseRegistry, type RegistryAddress, requireExpandedHome, withHome } from "./address.ts";
import {
  existingPath,
  isDirectory,
  isFile,
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

/** An image and the registry or layout that holds it. */
export interface ImageReference {
  /** The reference as it was written. */
  text: string;
  /** The registry, the layout or the archive that holds the image. */
  address: RegistryAddress | ArchiveAddress;
  /** The repository's name; empty for a layout and an archive. */
  repository: string;
  /**
   * A tag, a digest, or a name in a layout or an archive; `undefined` where only that is named, which then has to hold
   * exactly one image.
   */
  reference: string | undefined;
}

/**
 * Reads a reference: `nginx`, `nginx:alpine`, `ghcr.io/o/r:tag`, `localhost:5000/r@sha256:...`, `http://host/r:tag`, or
 * `oci:DIR:NAME`, where DIR is one OCI layout. In a registry the tag defaults to `latest`, as for docker. Archives are
 * `oci-archive:FILE:NAME`, `docker-archive:FILE:NAME`, `oci:FILE:NAME`, or a path such as `./image.tar`.
 *
 * @throws {InvalidInputError} if the text is not an image reference
 *
 * @example
 * ```ts
 * import { parseImage } from "@layerstash/cli/images";
 * const { repository, reference } = parseImage("localhost:5000/me/app:1.2");
 * if (repository !== "me/app" || reference !== "1.2") throw new Error("unexpected reference");
 * ```
 */
export function parseImage(text: string): ImageReference {
  if (typeof text !== "string") throw notAnImage(text);
  const local = localImage(text) ?? archiveImage(text);
  if (local) return local;
  refuseForeign(text);
  if (/^[./~]/.test(text)) throw notAnImagePath(text); // no host begins with these
  const [, scheme = "", rest = ""] = /^(https?:\/\/|docker:\/\/)?(.*)$/s.exec(text) ?? [];
  const { name, digest } = withoutDigest(rest);
  const colon = name.lastIndexOf(":");
  const tagged = colon > name.lastIndexOf("/");
  const path = tagged ? name.slice(0, colon) : name;
  const tag = tagged ? parseTag(name.slice(colon + 1)) : "latest";
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // As docker decides: the first component is a host if it has a dot or a port, or is localhost.
  const hosted = scheme.startsWith("http") || /[.:]/.test(first) || first === "localhost";
  if (hosted && slash < 0) throw notAnImage(text);
  const registry = hosted ? (scheme.startsWith("http") ? scheme : "") + first : "docker.io";
  const repository = parseRepository(hosted ? path.slice(slash + 1) : path);
  return { text, address: parseRegistry(registry), repository, reference: digest ?? tag };
}

/** The transports of images in files and directories. */
const LOCAL = /^(oci|oci-archive|docker-archive):(.*)$/s;

/** Reads `oci:DIR:NAME`, `oci-archive:FILE:NAME` or `docker-archive:FILE:NAME`. */
function localImage(text: string): ImageReference | undefined {
  const [, transport = "", rest = ""] = LOCAL.exec(text) ?? [];
  if (transport === "") return undefined;
  requireExpandedHome(transport, rest);
  const { path, reference } = splitPath(rest, text);
  const isArchive = transport !== "oci" || isFile(path);
  if (!isArchive) return { text, address: parseRegistry(`oci:${path}`), repository: "", reference };
  if (path === "") throw new InvalidInputError(`${quoted(text)} needs a file after the colon`);
  const form = transport === "docker-archive" ? "docker" : "oci";
  return archive(text, { path, reference }, { name: `${transport}:${path}`, form });
}

/** Reads the path of an archive, such as `./image.tar`, perhaps with a name after it. */
function archiveImage(text: string): ImageReference | undefined {
  const found = /^[./~]/.test(text) ? existingPath(text, isFile) : undefined;
  return found && archive(text, found, { name: found.path, form: "oci" });
}

function archive(
  text: string,
  { path: file, reference }: PathReference,
  { name, form }: Pick<ArchiveAddress, "name" | "form">,
): ImageReference {
  return { text, address: { kind: "archive", file, name, form }, repository: "", reference };
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
 * A hint for who names an archive as `image.tar`, which is read as the name of an image in a registry; `undefined` if the
 * current directory has no such file.
 */
export function hintOfArchive(text: string): string | undefined {
  if (!ARCHIVE_NAME.test(text) || /^[./~]|:/.test(text) || !isFile(text)) return undefined;
  return `for the file ${text} in this directory, use ./${text}`;
}

/** The error for a path that is not an archive. It suggests `oci:`. */
function notAnImagePath(text: string): InvalidInputError {
  const hint = `for a directory, use oci:${withHome(text)}`;
  if (!ARCHIVE_NAME.test(text) || isDirectory(text)) return notAnImage(text, hint);
  return new InvalidInputError(`there is no file ${text}`, { hint });
}

const USE =
  "use a name such as nginx:alpine, ghcr.io/me/app:1.2, localhost:5000/app@sha256:..., oci:DIR:TAG, or docker-archive:FILE";

function notAnImage(text: string, hint = USE): InvalidInputError {
  return new InvalidInputError(`${quoted(text)} is not an image`, { hint });
}
