/** Stores a directory as a folder: walks, plans, sends what is not there, and puts the tag. @module */
import { isAbsolute, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { inParallel } from "../async/pool.ts";
import { readError } from "../content/file_errors.ts";
import { InvalidInputError, NotAllowedError } from "../errors.ts";
import { withChannel } from "../events.ts";
import type { Identities } from "../encryption/identities.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { ImageEncryption } from "../images/encrypting_store.ts";
import { counted, listed } from "../messages.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { keptRecipients } from "../stash/encrypted_input.ts";
import { requireTargetName } from "../store/checks.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { folderImage, type FolderLayer } from "./folder_image.ts";
import { lookAtFolderTag, putFolderTag, requireTagMayMove } from "./folder_tag.ts";
import { untilSettled } from "./disk.ts";
import { openDisk } from "./open_disk.ts";
import { type Pack, packsOf } from "./pack.ts";
import { PackMemory } from "./pack_memory.ts";
import { Selection } from "./selection.ts";
import { StoredPacks } from "./stored_packs.ts";
import { type FoundFolder, walkFolder } from "./walk.ts";

/** Options of `uploadFolder`. */
export interface UploadFolderOptions extends CallOptions {
  /** The directory to store. */
  directory: string;
  /** Globs of what is left out, as `.gitignore` has them. */
  exclude?: readonly string[] | undefined;
  /** Leaves out what is on other file systems. */
  oneFileSystem?: boolean | undefined;
  /** Stores the numbers of owners and groups, which `sameOwner` of `downloadFolder` sets; absent = no owner counts. */
  keepOwner?: boolean | undefined;
  /** Stores the rest where something may not be read; absent = then nothing gets the tag. */
  skipUnreadable?: boolean | undefined;
  /** Replaces what the tag points to, if it differs. */
  overwrite?: boolean | undefined;
  /** The largest pack of files in bytes; absent = 256 MiB. Other packs give other digests. */
  packSize?: number | undefined;
  /** How many packs are written and sent at once; absent = as many as there are processors, at most 4. */
  jobs?: number | undefined;
  /** A directory for the journal, with which a later run does not read what has not changed; absent = no journal. */
  stateDirectory?: string | undefined;
  /** Only finds out what would be sent. */
  dryRun?: boolean | undefined;
  /** For whom everything is encrypted; absent = nothing is. */
  encryptTo?: Recipients | undefined;
  /** Keys with which an encrypted folder under the tag can be read, to compare it; absent = those of `encryptTo`, if it has any. */
  identities?: Identities | undefined;
}

/** A folder that was stored. */
export interface UploadedFolder {
  /** The tag of its image. */
  tag: string;
  /** The digest of the manifest; absent after a dry run. */
  digest?: Digest;
  /** How many files and links it has. */
  files: number;
  /** The bytes of all files. */
  size: number;
  /** How many layers it has. */
  layers: number;
  /** How many of them were sent, or would be. */
  sent: number;
  /** How many files and links those have. */
  sentFiles: number;
  /** The bytes of these files. */
  sentContent: number;
  /** The bytes of all layers; absent after a dry run. */
  stored?: number;
  /** The bytes of the layers that were sent; absent after a dry run. */
  sentSize?: number;
  /** What may not be read, and is not stored. */
  unreadable: string[];
  /** The globs of `exclude` that match nothing. */
  leftOutNothing: string[];
}

/** The largest pack, in bytes. */
const PACK_SIZE = 256 * 1024 * 1024;

/**
 * Stores a directory as a folder: an ordinary image, whose layers are archives with tables of contents. Only packs are sent
 * that the store does not have, and only files are read of packs in which something has changed. The tag is put last.
 *
 * Where it is encrypted, each layer is an age file, and nothing outside of these names a file or a digest. A pack that was
 * being sent when another process was killed is then sent again from its beginning.
 *
 * @throws {ConflictError} if the tag points to something else and `overwrite` is not set, a stored file has this name, another
 *   process stores the same, or an encrypted folder that is there cannot be compared without its key
 * @throws {InvalidInputError} if it is not a directory, `exclude` leaves out everything in it, a name cannot be stored, or an
 *   option is out of range
 * @throws {MismatchError} if a file was changed while it was read
 * @throws {NotAllowedError} if something may not be read, and `skipUnreadable` is not set
 * @throws {NotFoundError} if the directory does not exist
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const { files, layers } = await uploadFolder(store, "site", { directory: `${directory}/site` });
 * if (files !== 1 || layers !== 2) throw new Error("unexpected folder"); // one for the file, one for the directory
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function uploadFolder(
  store: Store,
  tag: string,
  options: UploadFolderOptions,
): Promise<UploadedFolder> {
  const reporting = withChannel(options, store);
  const { onEvent, signal } = reporting;
  checkTransfer({ jobs: reporting.jobs, chunkSize: reporting.packSize });
  await requireTargetName(store, tag, { signal, onEvent });
  const root = await realDirectory(reporting.directory);
  using memory = await PackMemory.open({ ...reporting, store, tag, directory: root });
  const encryption = encryptionOf(store, memory, { ...reporting, tag });
  const target = encryption?.store ?? store;
  const before = await lookAtFolderTag(target, tag, { ...reporting, isEncrypted: encryption !== undefined });
  const excluded = await Selection.of(reporting.exclude ?? []);
  const isExcluded = (path: string) => excluded.names(path);
  requireElsewhere(store, root, isExcluded);
  using disk = openDisk();
  const found = await walkFolder(root, { ...reporting, disk, isExcluded });
  requireAnyLeft(found, excluded);
  const packs = packsOf(found, reporting.packSize ?? PACK_SIZE);
  onEvent?.({ type: "plan", blobs: packs.length, files: found.count, content: found.size });
  using stored = new StoredPacks(target, {
    root,
    memory,
    remembers: await untilSettled(found.changed, disk),
    stored: before.folder?.layers ?? [],
    ageFileOf: encryption && ((layer) => encryption.ageFileOf(layer)),
    dryRun: reporting.dryRun,
    requireReplaceable: () => requireTagMayMove(before, reporting),
    onEvent,
  });
  const layers = await storeAll(stored, packs, reporting);
  const uploaded = { tag, ...countsOf(found, packs, stored), leftOutNothing: excluded.missing };
  if (reporting.dryRun) {
    const isTaken = before.manifest !== undefined && uploaded.sent > 0 && !reporting.overwrite;
    const message = `${tag} holds something else: only --overwrite replaces it`;
    if (isTaken) onEvent?.({ type: "notice", message });
    return uploaded;
  }
  if (!reporting.skipUnreadable) requireReadable(uploaded.unreadable);
  const image = folderImage({ ...uploaded, modified: found.newest, layers });
  const digest = await putFolderTag(target, image, { ...reporting, before, encryption });
  const isForUnknown = reporting.encryptTo?.kind === "keys" && !memory.encrypted?.descriptionOf(digest);
  if (isForUnknown) onEvent?.({ type: "notice", message: keptRecipients(tag) });
  return { ...uploaded, stored: totalSize(layers), sentSize: stored.sent.size, digest };
}

async function realDirectory(directory: string): Promise<string> {
  return await Deno.realPath(directory).catch((error) => {
    throw readError(error, directory);
  });
}

/**
 * What encrypts the folder; `undefined` = nothing does. It also opens an encrypted folder that is there, to compare it. One that
 * is to be replaced is not opened: its layers are of use only where they are known to be encrypted for the same recipients, and
 * nobody else knows their key.
 */
function encryptionOf(
  store: Store,
  { encrypted: memory }: PackMemory,
  { tag, encryptTo, identities = encryptTo?.identities, overwrite }: UploadFolderOptions & { tag: string },
): ImageEncryption | undefined {
  return memory &&
    new ImageEncryption(store, { tag, memory, identities: overwrite ? undefined : identities });
}

/** Stores the packs side by side. After a dry run there are no layers. */
async function storeAll(
  stored: StoredPacks,
  packs: readonly Pack[],
  { jobs, signal }: UploadFolderOptions,
): Promise<FolderLayer[]> {
  const layers: FolderLayer[] = [];
  const threads = jobs ?? Math.min(DEFAULT_JOBS, Math.max(2, navigator.hardwareConcurrency));
  const heaviestFirst = packs.toSorted((one, other) => other.weight - one.weight); // so that threads end together
  await inParallel(heaviestFirst, { jobs: threads, signal }, async (pack, signal, turn) => {
    const layer = await stored.store(pack, { signal, turn });
    if (layer) layers[pack.number - 1] = layer;
  });
  return layers;
}

/** What a folder has after all, and how much of it was sent. */
function countsOf(
  found: FoundFolder,
  packs: readonly Pack[],
  { leftOut, sent, unreadable }: StoredPacks,
): Omit<UploadedFolder, "tag" | "leftOutNothing"> {
  return {
    files: found.count - leftOut.files,
    size: found.size - leftOut.size,
    layers: packs.length,
    sent: sent.packs,
    sentFiles: sent.files,
    sentContent: sent.content,
    unreadable: [...found.unreadable, ...unreadable],
  };
}

/** A folder that held the directory of its own layers would change while it is stored, and each time. */
function requireElsewhere(
  { url, name }: Store,
  root: string,
  isExcluded: (path: string) => boolean,
): void {
  if (!url.startsWith("file:")) return;
  const inside = relative(root, fileURLToPath(url)).replaceAll(sep, "/");
  if (inside.startsWith("../") || inside === ".." || isAbsolute(inside) || isExcluded(inside)) return;
  throw new InvalidInputError(`the directory holds ${name} itself, where it would be stored`, {
    hint: `store it elsewhere, or leave that out, as in: --exclude /${inside.split("/")[0]}`,
  });
}

/** A glob that leaves out everything is a mistake: an empty folder in the place of a backup would be noticed too late. */
function requireAnyLeft({ count, directories }: FoundFolder, excluded: Selection): void {
  const isEmpty = count === 0 && directories.length === 1;
  if (!isEmpty || !excluded.hasFound) return;
  throw new InvalidInputError("everything in the directory is left out: there is nothing to store", {
    hint: "leave out less, or store an empty directory",
  });
}

function requireReadable(unreadable: readonly string[]): void {
  if (unreadable.length === 0) return;
  throw new NotAllowedError(
    `${counted(unreadable.length, "path")} may not be read: ${
      listed(unreadable)
    }; the folder was not completed`,
    { hint: "--skip-unreadable stores the rest", isLasting: true },
  );
}
