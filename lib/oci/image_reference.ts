/** References to images, as docker and skopeo write them. @module */
import { InvalidInputError } from "../errors.ts";
import { parseRegistry, type RegistryAddress } from "./address.ts";
import { type Digest, isDigest } from "./digest.ts";
import { parseRepository, parseTag } from "./reference.ts";
import { quoted } from "../messages.ts";

/** Which image, and where it is. */
export interface ImageReference {
  /** As it was written. */
  text: string;
  /** The registry, or the one layout that holds the image. */
  address: RegistryAddress;
  /** The repository's name; empty for a layout. */
  repository: string;
  /** A tag or a digest; `undefined` for a layout of which none was named: it has to hold one image only. */
  reference: string | undefined;
}

const DIGEST_PART = /@(sha256:[0-9a-fA-F]*)$/;

/**
 * Reads a reference: `nginx`, `nginx:alpine`, `ghcr.io/o/r:tag`, `localhost:5000/r@sha256:...`, `http://host/r:tag`, or
 * `oci:DIR:tag`, where DIR is one OCI layout. Without a tag it is `latest`, as for docker.
 *
 * @throws {InvalidInputError} when it is none
 *
 * @example
 * ```ts
 * import { parseImage } from "@layerstash/cli";
 * const { repository, reference } = parseImage("localhost:5000/me/app:1.2");
 * if (repository !== "me/app" || reference !== "1.2") throw new Error("unexpected reference");
 * ```
 */
export function parseImage(text: string): ImageReference {
  if (typeof text !== "string") throw notAnImage(text);
  if (text.startsWith("oci:")) return layoutImage(text);
  if (/^[./~]/.test(text)) throw notAnImage(text, hintOfDirectory(text)); // no host begins so
  const [, scheme = "", rest = ""] = /^(https?:\/\/|docker:\/\/)?(.*)$/s.exec(text) ?? [];
  const { name, digest } = withoutDigest(rest, text);
  const colon = name.lastIndexOf(":");
  const tagged = colon > name.lastIndexOf("/");
  const path = tagged ? name.slice(0, colon) : name;
  const tag = tagged ? parseTag(name.slice(colon + 1)) : "latest";
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // As docker does it: what has a dot or a port is a host, and so is localhost.
  const hosted = scheme.startsWith("http") || /[.:]/.test(first) || first === "localhost";
  if (hosted && slash < 0) throw notAnImage(text);
  const registry = hosted ? (scheme.startsWith("http") ? scheme : "") + first : "docker.io";
  const repository = parseRepository(hosted ? path.slice(slash + 1) : path);
  return { text, address: parseRegistry(registry), repository, reference: digest ?? tag };
}

/** The layout's path may have colons, too: the last one is before the tag, if that is one. */
function layoutImage(text: string): ImageReference {
  const { name, digest } = withoutDigest(text.slice("oci:".length), text);
  if (/.:$/s.test(name)) {
    throw new InvalidInputError(`the tag is missing behind the last colon of ${quoted(text)}`, {
      hint: "put a tag behind it; or leave it away, where there is one image only",
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

/** Shells put the home directory in the place of a tilde at the beginning only. */
function hintOfDirectory(text: string): string {
  return `for a directory, use oci:${text.replace(/^~(?=\/)/, "$HOME")}`;
}

const USE =
  "use a name such as nginx:alpine, ghcr.io/me/app:1.2, localhost:5000/app@sha256:..., or oci:DIR:TAG";

function notAnImage(text: string, hint = USE): InvalidInputError {
  return new InvalidInputError(`${quoted(text)} is not an image`, { hint });
}
