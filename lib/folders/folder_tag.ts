/** The tag that gets a folder: what it holds until then, whether that may be replaced, and how it is put. @module */
import { bytesSource } from "../content/source.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { ConflictError } from "../errors.ts";
import { withoutProgress } from "../events.ts";
import { isEncryptedImage } from "../images/encrypted_image.ts";
import type { ImageEncryption } from "../images/encrypting_store.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import { undefinedIfBroken } from "../stash/find_stash.ts";
import { requireNoChunk } from "../stash/require_no_chunk.ts";
import { requireNoStash } from "../stash/shared_names.ts";
import { freeReplaced } from "../store/free.ts";
import type { CallOptions, Store, StoreReader } from "../store/store.ts";
import type { FolderFacts } from "./folder.ts";
import { type folderImage, readFolder } from "./folder_image.ts";

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

/** What decides whether a tag may get another folder. */
interface ReplaceOptions {
  overwrite?: boolean | undefined;
  encryptTo?: Recipients | undefined;
}

/**
 * Makes sure that what a tag holds may be replaced by something else.
 *
 * @throws {ConflictError} if it holds anything, and `overwrite` is not set
 */
export function requireTagMayMove(
  { tag, manifest, folder }: FolderTag,
  { overwrite, encryptTo }: ReplaceOptions,
): void {
  if (!manifest || overwrite) return;
  const hint = "use another tag, or --overwrite to replace it";
  if (!isEncryptedImage(manifest)) {
    const other = encryptTo && !manifest.storedAs ? "something that is not encrypted" : "something else";
    const what = folder ? "a folder with other files, or another state of this one" : other;
    throw new ConflictError(`${tag} holds ${what}`, { hint, isReplaceable: true });
  }
  if (!encryptTo) {
    throw new ConflictError(`${tag} holds an encrypted folder, and this one would not be encrypted`, {
      hint: `encrypt it with --encrypt-to or --passphrase; or ${hint}`,
      isReplaceable: true,
    });
  }
  throw new ConflictError(
    `${tag} is encrypted: without its key it cannot be compared with what is to be stored`,
    { hint: `name its key with --identity FILE; or ${hint}`, isReplaceable: true },
  );
}

/** What putting the tag takes. */
interface PutFolderOptions extends ReplaceOptions, CallOptions {
  /** What the tag held when it was looked at. */
  before: FolderTag;
  /** What encrypts the image; absent = nothing does. */
  encryption: ImageEncryption | undefined;
}

/**
 * Puts the tag of a folder whose layers are stored, unless it holds that folder already, undamaged.
 *
 * @returns the digest under which its manifest is stored
 * @throws {ConflictError} if the tag holds what may not be replaced, or was changed since it was looked at
 */
export async function putFolderTag(
  store: Store,
  image: ReturnType<typeof folderImage>,
  options: PutFolderOptions,
): Promise<Digest> {
  const { before, encryption, signal, onEvent } = options;
  const { manifest } = image;
  const isThere = before.folder && before.manifest?.digest === manifest.digest;
  if (!isThere) requireTagMayMove(before, options);
  if (!isThere || await encryption?.isDamaged(manifest, { signal, onEvent })) {
    await putImage(store, image, options);
  }
  return encryption?.storedAs(manifest) ?? manifest.digest;
}

/** Stores the config, and puts the tag: from then on the folder is there. */
async function putImage(
  store: Store,
  { config, manifest }: ReturnType<typeof folderImage>,
  { before, signal, onEvent }: PutFolderOptions,
): Promise<void> {
  const { tag } = before;
  const what = `the config of ${tag}`;
  await store.write(bytesSource(config), { what, signal, onEvent: withoutProgress(onEvent) });
  const held = before.manifest?.storedAs ?? before.manifest?.digest;
  if (await store.resolve(tag, { signal, onEvent }) !== held) {
    throw new ConflictError(`${tag} was changed meanwhile`, { hint: "run the same command again" });
  }
  await store.putManifest(tag, manifest, { signal, onEvent });
  await freeReplaced(store, [tag], { onEvent });
}
