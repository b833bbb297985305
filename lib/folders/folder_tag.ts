/** The tag that gets a folder: what it holds until then, and whether that may be replaced. @module */
import type { Recipients } from "../encryption/recipients.ts";
import { ConflictError } from "../errors.ts";
import { isEncryptedImage } from "../images/encrypted_image.ts";
import type { Manifest } from "../oci/manifest.ts";
import { undefinedIfBroken } from "../stash/find_stash.ts";
import { requireNoChunk } from "../stash/require_no_chunk.ts";
import { requireNoStash } from "../stash/shared_names.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import type { FolderFacts } from "./folder.ts";
import { readFolder } from "./folder_image.ts";

/** A tag, and what it holds. */
export interface FolderTag {
  tag: string;
  manifest: Manifest | undefined;
  /** Set if it holds a folder that can be read, encrypted or not like the one that is to be stored. */
  folder: FolderFacts | undefined;
}

/** Options for looking at the tag of a folder. */
export interface FolderTagOptions extends CallOptions {
  /** Whether the folder that is to be stored will be encrypted. */
  isEncrypted?: boolean | undefined;
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
  { isEncrypted = false, signal, onEvent }: FolderTagOptions,
): Promise<FolderTag> {
  await requireNoChunk(store, tag, { signal, onEvent });
  await requireNoStash(store, tag, { signal, onEvent });
  const manifest = await store.manifest(tag, { signal, onEvent });
  const isAlike = manifest && isEncrypted === (manifest.storedAs !== undefined);
  const folder = isAlike
    ? await readFolder(store, manifest, { signal, onEvent }).catch(undefinedIfBroken)
    : undefined;
  return { tag, manifest, folder };
}

/**
 * Makes sure that what a tag holds may be replaced by something else.
 *
 * @throws {ConflictError} if it holds anything, and `overwrite` is not set
 */
export function requireTagMayMove(
  { tag, manifest, folder }: FolderTag,
  { overwrite, encryptTo }: { overwrite?: boolean | undefined; encryptTo?: Recipients | undefined },
): void {
  if (!manifest || overwrite) return;
  const hint = "use another tag, or --overwrite to replace it";
  if (!isEncryptedImage(manifest)) {
    const other = encryptTo && !manifest.storedAs ? "something that is not encrypted" : "something else";
    const what = folder ? "a folder with other files, or another state of this one" : other;
    throw new ConflictError(`${tag} holds ${what}`, { hint });
  }
  if (!encryptTo) {
    throw new ConflictError(`${tag} holds an encrypted folder, and this one would not be encrypted`, {
      hint: `encrypt it with --encrypt-to or --passphrase; or ${hint}`,
    });
  }
  throw new ConflictError(
    `${tag} is encrypted: without its key it cannot be compared with what is to be stored`,
    { hint: `name its key with --identity FILE; or ${hint}` },
  );
}
