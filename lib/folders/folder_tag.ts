/** The tag that gets a folder: what it holds until then, and whether that may be replaced. @module */
import { ConflictError } from "../errors.ts";
import type { Manifest } from "../oci/manifest.ts";
import { requireNoChunk } from "../stash/require_no_chunk.ts";
import { requireNoStash } from "../stash/shared_names.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { readFolder, type StoredFolder } from "./folder_image.ts";

/** A tag, and what it holds. */
export interface FolderTag {
  tag: string;
  manifest: Manifest | undefined;
  /** Set if it holds a folder. */
  folder: StoredFolder | undefined;
}

/**
 * Looks at the tag that a folder is to get. A chunk of a stored file is not replaced, and a stored file not hidden, whatever
 * is asked for.
 *
 * @throws {ConflictError} if the tag holds a chunk, or a stored file has this name
 */
export async function lookAtFolderTag(
  store: StoreReader,
  tag: string,
  { signal, onEvent }: CallOptions,
): Promise<FolderTag> {
  await requireNoChunk(store, tag, { signal, onEvent });
  await requireNoStash(store, tag, { signal, onEvent });
  const manifest = await store.manifest(tag, { signal, onEvent });
  return { tag, manifest, folder: manifest && await readFolder(store, manifest, { signal, onEvent }) };
}

/**
 * Makes sure that what a tag holds may be replaced by something else.
 *
 * @throws {ConflictError} if it holds anything, and `overwrite` is not set
 */
export function requireTagMayMove(
  { tag, manifest, folder }: FolderTag,
  { overwrite }: { overwrite?: boolean | undefined },
): void {
  if (!manifest || overwrite) return;
  const what = folder ? "a folder with other files, or another state of this one" : "something else";
  throw new ConflictError(`${tag} holds ${what}`, {
    hint: "use another tag, or --overwrite to replace it",
  });
}
