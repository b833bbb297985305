/** Resolves names of blobs: digests, and aliases that point to blobs. @module */
import { InvalidInputError } from "../errors.ts";
import { type ByPlatform, type PlatformOptions, requireOne } from "../images/platforms.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isManifest, type Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";
import { quoted } from "../messages.ts";
import type { StoreReader } from "../store/store.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { noBlob } from "./aliases.ts";
import { aliasBlobs } from "./read_alias.ts";

/** The name of a blob, its digest; or, after an `@`, an alias, which stands for all of its blobs. */
export type BlobName = Digest | `@${string}`;

/** Something that names blobs: a digest, an alias, or a manifest, which stands for its layers. */
export type NamedBlobs = BlobName | Manifest;

/**
 * Parses `sha256:...` or `@ALIAS`.
 *
 * @throws {InvalidInputError} if the text is neither
 */
export function parseBlobName(text: string): BlobName {
  if (isDigest(text)) return text;
  if (typeof text === "string" && text.startsWith("@")) return `@${parseReference(text.slice(1))}`;
  throw new InvalidInputError(`${quoted(text)} is neither a digest nor an alias`, {
    hint: "use sha256: with 64 hexadecimal digits, sha512: with 128, or @ALIAS",
  });
}

/**
 * Checks that names come as a list. The names themselves are not checked.
 *
 * @throws {InvalidInputError} if it is not a list
 */
export function requireNames<T>(names: readonly T[]): readonly T[] {
  if (Array.isArray(names)) return names;
  throw new InvalidInputError(`the blobs must be a list of names, not ${quoted(names)}`);
}

/**
 * Finds the blobs that a name stands for, in order, with their sizes. For an alias of several images the lists are
 * grouped by platform.
 *
 * @throws {InvalidInputError} if it is neither a digest nor an alias
 * @throws {NotFoundError} if the blob or alias does not exist
 */
export async function findNamed(
  store: StoreReader,
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
 * Finds all blobs that a list of names stands for, in order.
 *
 * @throws {InvalidInputError} if `names` is not a list, or a name stands for several images and no platform is chosen
 */
export async function findBlobs(
  store: StoreReader,
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
