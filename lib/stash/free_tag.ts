/** Keeps images and aliases from replacing unasked what a tag holds. @module */
import { ConflictError } from "../errors.ts";
import { isFolderImage } from "../images/folder_mark.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { undefinedIfBroken } from "./find_stash.ts";
import { requireNoChunk } from "./require_no_chunk.ts";

/** What is to get a tag, beside what every call takes. */
export interface NewHolder extends CallOptions {
  /** The digests that it can have: the tag may hold one of them already. Absent = they are not known yet. */
  digests?: readonly Digest[] | undefined;
  /** Whether what the tag holds can turn out to be just what is to get it, before the digest of that is known. */
  mayBe?: ((held: Manifest) => boolean) | undefined;
  /** Replaces whatever the tag holds, but for a chunk of a stored file. */
  overwrite?: boolean | undefined;
}

/**
 * Makes sure that a tag may get an image or an alias. Whether it is free, or holds that already, is asked for with one request
 * that costs no registry a pull.
 *
 * @returns `false` if what it holds may be it, and the tag has to be looked at again when the digest is known
 * @throws {ConflictError} if it holds something else and `overwrite` is not set, or a chunk of a stored file
 */
export async function requireFreeTag(
  store: StoreReader,
  reference: string,
  { digests = [], mayBe, overwrite, ...options }: NewHolder,
): Promise<boolean> {
  await requireNoChunk(store, reference, { ...options, digests });
  if (overwrite || isDigest(reference)) return true;
  const held = await store.resolve(reference, options);
  if (held === undefined || digests.includes(held)) return true;
  const manifest = await unlessBroken(() => store.manifest(reference, options));
  if (manifest && await unlessBroken(() => mayBe?.(manifest))) return false;
  const isFolder = manifest && await unlessBroken(() => isFolderImage(store, manifest, options));
  throw new ConflictError(`the tag ${reference} holds ${isFolder ? "a folder" : "something else"}`, {
    hint: "use another tag, or --overwrite to replace it",
    isReplaceable: true,
  });
}

async function unlessBroken<T>(look: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    return undefinedIfBroken(error);
  }
}
