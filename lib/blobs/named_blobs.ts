/** Names of blobs: by digest, or by an alias that points to them. @module */
import { InvalidInputError } from "../errors.ts";
import { type ByPlatform, type PlatformOptions, requireOne } from "../images/platforms.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isManifest, type Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";
import { quoted } from "../messages.ts";
import type { Store } from "../store/store.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { noBlob } from "./aliases.ts";
import { aliasBlobs } from "./read_alias.ts";

/** A blob by its digest, or, with `@` before it, all blobs of an alias. */
export type BlobName = Digest | `@${string}`;

/** What may name blobs: a digest, an alias, or a manifest that is at hand, whose layers are meant. */
export type NamedBlobs = BlobName | Manifest;

/**
 * Reads `sha256:...` or `@ALIAS`.
 *
 * @throws {InvalidInputError} when it is neither
 */
export function parseBlobName(text: string): BlobName {
  if (isDigest(text)) return text;
  if (typeof text === "string" && text.startsWith("@")) return `@${parseReference(text.slice(1))}`;
  throw new InvalidInputError(`${quoted(text)} is neither a digest nor an alias`, {
    hint: "use sha256: with 64 hexadecimal digits, or @ALIAS",
  });
}

/**
 * A list of names, which may still be wrong in themselves.
 *
 * @throws {InvalidInputError} when it is no list
 */
export function requireNames<T>(names: readonly T[]): readonly T[] {
  if (Array.isArray(names)) return names;
  throw new InvalidInputError(`the blobs are a list of names, not ${quoted(names)}`);
}

/**
 * Finds what a name means: blobs with their sizes, in order; of several images, one for each platform, by platform.
 *
 * @throws {InvalidInputError} when it is no name
 * @throws {NotFoundError} when there is no such blob or alias
 */
export async function findNamed(
  store: Store,
  named: NamedBlobs,
  options: PlatformOptions = {},
): Promise<ByPlatform<SizedBlob[]>> {
  if (isManifest(named)) return await aliasBlobs(store, named, options);
  const name = parseBlobName(named);
  if (!isDigest(name)) return await aliasBlobs(store, name.slice(1), options);
  const size = await store.stat(name, options);
  if (size === undefined) throw noBlob(store, name);
  return [{ digest: name, size }];
}

/**
 * All blobs that are named, in order.
 *
 * @throws {InvalidInputError} when there is no list of names, or a name has an image for each platform, and none was named
 */
export async function findBlobs(
  store: Store,
  names: readonly NamedBlobs[],
  options: PlatformOptions = {},
): Promise<SizedBlob[]> {
  const found: SizedBlob[] = [];
  for (const name of requireNames(names)) {
    const blobs = await findNamed(store, name, options);
    found.push(...requireOne(blobs, typeof name === "string" ? name : `the manifest ${name.digest}`));
  }
  return found;
}
