/** Image references, in the notation of docker and skopeo. @module */
import { dirname } from "node:path";
import { InvalidInputError } from "../errors.ts";
import { parseRegistry, type RegistryAddress } from "./address.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isTag, parseRepository, parseTag } from "./reference.ts";
import { quoted } from "../messages.ts";

/** An image and the registry or layout that holds it. */
export interface ImageReference {
  /** The reference as it was written. */
  text: string;
  /** The registry, or the one layout that holds the image. */
  address: RegistryAddress;
  /** The repository's name; empty for a layout. */
  repository: string;
  /**
   * A tag, a digest, or a name in a layout; `undefined` where only a layout is named, which then has to hold exactly one
   * image.
   */
  reference: string | undefined;
}

const DIGEST_PART = /@(sha256:[0-9a-fA-F]*)$/;

/**
 * Reads a reference: `nginx`, `nginx:alpine`, `ghcr.io/o/r:tag`, `localhost:5000/r@sha256:...`, `http://host/r:tag`, or
 * `oci:DIR:NAME`, where DIR is one OCI layout. In a registry the tag defaults to `latest`, as for docker.
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
  if (text.startsWith("oci:")) return layoutImage(text);
  if (/^[./~]/.test(text)) throw notAnImage(text, directoryHint(text)); // no host begins with these
  const [, scheme = "", rest = ""] = /^(https?:\/\/|docker:\/\/)?(.*)$/s.exec(text) ?? [];
  const { name, digest } = withoutDigest(rest, text);
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

/**
 * Reads `oci:DIR:NAME`. Both may contain colons: podman and skopeo use names such as `docker.io/library/nginx:1.27`. So the
 * text is split after a directory that exists; for a layout that is to be created, after one whose parent exists.
 */
function layoutImage(text: string): ImageReference {
  const rest = text.slice("oci:".length);
  const { name, digest } = withoutDigest(rest, text);
  if (/.:$/s.test(name)) {
    throw new InvalidInputError(`the tag is missing after the last colon of ${quoted(text)}`, {
      hint: "add a tag; or omit the colon if the layout holds one image only",
    });
  }
  const whole: LayoutName = { directory: name, reference: digest };
  const { directory, reference } = existingLayout(rest, whole) ?? newLayout(rest, whole);
  return { text, address: parseRegistry(`oci:${directory}`), repository: "", reference };
}

/** A way to read the text after `oci:`. */
interface LayoutName {
  directory: string;
  reference: string | undefined;
}

function existingLayout(text: string, whole: LayoutName): LayoutName | undefined {
  const [last, ...others] = splitsOf(text);
  const tagFirst = last && whole.reference === undefined && isTag(last.reference)
    ? [last, whole]
    : [whole, last];
  return [...tagFirst, ...others].find((each) => each && isDirectory(each.directory));
}

function newLayout(text: string, whole: LayoutName): LayoutName {
  const splits = splitsOf(text);
  const [last] = splits;
  if (!last || whole.reference !== undefined || !isTag(last.reference)) return whole;
  return splits.find(({ directory }) => isDirectory(dirname(directory))) ?? last;
}

/** The text split at each colon, the last first. Of a tag and a digest the digest counts, as in docker's names. */
function splitsOf(text: string): (LayoutName & { reference: string })[] {
  const { name: [...letters], digest } = withoutDigest(text, text);
  const colons = letters.flatMap((letter, index) => letter === ":" && index > 0 ? [index] : []).reverse();
  return colons.map((colon) => {
    const tag = letters.slice(colon + 1).join("");
    const reference = digest === undefined ? tag : isTag(tag) ? digest : `${tag}@${digest}`;
    return { directory: letters.slice(0, colon).join(""), reference };
  });
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function withoutDigest(name: string, text: string): { name: string; digest: Digest | undefined } {
  const [whole = "", digest] = DIGEST_PART.exec(name) ?? [];
  if (digest === undefined) return { name, digest: undefined };
  if (!isDigest(digest)) throw notAnImage(text);
  return { name: name.slice(0, -whole.length), digest };
}

/** Suggests `oci:`. A shell expands a tilde only at the beginning of a word, so the hint says `$HOME`. */
function directoryHint(text: string): string {
  return `for a directory, use oci:${text.replace(/^~(?=\/)/, "$HOME")}`;
}

const USE =
  "use a name such as nginx:alpine, ghcr.io/me/app:1.2, localhost:5000/app@sha256:..., or oci:DIR:TAG";

function notAnImage(text: string, hint = USE): InvalidInputError {
  return new InvalidInputError(`${quoted(text)} is not an image`, { hint });
}
