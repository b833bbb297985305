/** Image references, in the notation of docker and skopeo. @module */
import { InvalidInputError } from "../errors.ts";
import { parseRegistry, type RegistryAddress } from "./address.ts";
import { type Digest, isDigest } from "./digest.ts";
import { parseRepository, parseTag } from "./reference.ts";
import { quoted } from "../messages.ts";

/** An image and the registry or layout that holds it. */
export interface ImageReference {
  /** The reference as it was written. */
  text: string;
  /** The registry, or the one layout that holds the image. */
  address: RegistryAddress;
  /** The repository's name; empty for a layout. */
  repository: string;
  /** A tag or a digest; `undefined` where only a layout is named, which then has to hold exactly one image. */
  reference: string | undefined;
}

const DIGEST_PART = /@(sha256:[0-9a-fA-F]*)$/;

/**
 * Reads a reference: `nginx`, `nginx:alpine`, `ghcr.io/o/r:tag`, `localhost:5000/r@sha256:...`, `http://host/r:tag`, or
 * `oci:DIR:tag`, where DIR is one OCI layout. In a registry the tag defaults to `latest`, as for docker.
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

/** Reads `oci:DIR:tag`. DIR may contain colons, so only the text after the last one can be the tag. */
function layoutImage(text: string): ImageReference {
  const { name, digest } = withoutDigest(text.slice("oci:".length), text);
  if (/.:$/s.test(name)) {
    throw new InvalidInputError(`the tag is missing after the last colon of ${quoted(text)}`, {
      hint: "add a tag; or omit the colon if the layout holds one image only",
    });
  }
  const [, directory = "", tag] = /^(.*):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/s.exec(name) ?? [];
  const tagged = digest === undefined && tag !== undefined && directory !== "";
  const address = parseRegistry(`oci:${tagged ? directory : name}`);
  return { text, address, repository: "", reference: digest ?? (tagged ? tag : undefined) };
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
