/** Brings a folder back: into a new directory, or onto one that is there, of which only what differs is fetched. @module */
import { dirname, resolve } from "node:path";
import { readError } from "../content/file_errors.ts";
import { ConflictError, InvalidInputError } from "../errors.ts";
import { withChannel, withStoredDigests } from "../events.ts";
import { requireParent } from "../files/existing_file.ts";
import { decryptedImages } from "../images/decrypted_images.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { StoreReader } from "../store/store.ts";
import { adaptiveJobs, checkTransfer } from "../transfer/adaptive_jobs.ts";
import { type DownloadFolderOptions, FolderDownload } from "./folder_download.ts";
import { requireFolder } from "./folder_image.ts";
import { FolderLayers } from "./folder_layers.ts";
import { whereLeads } from "./linked_directory.ts";
import { openDisk } from "./open_disk.ts";
import { Selection } from "./selection.ts";
import { WantedPart } from "./wanted_part.ts";

/** A folder that was brought back. */
export interface DownloadedFolder {
  /** The digest of the manifest. */
  digest: Digest;
  /** How many files and links were written. */
  written: number;
  /** How many were there already. */
  kept: number;
  /** How many files, links and directories were removed. */
  removed: number;
  /**
   * Whether all that was read is verified by digests that the manifest has. It is always so of folders that this library has
   * stored; an image of another program that passes for one may lack the digests.
   */
  verified: boolean;
}

/**
 * Makes a directory what was stored as a folder: with modes, times and links. A new one is put together in a hidden place
 * beside it, and gets its name when it is whole. In one that exists, what has the size, the time and the mode of a stored file
 * counts as the same; the rest is fetched into a hidden place in it, and moved when all is there. A run that was interrupted
 * is resumed: what it has left is verified, and not fetched again.
 *
 * @throws {ConflictError} if a file differs and `overwrite` is not set; nothing is changed then
 * @throws {InvalidInputError} if the reference is no folder, or an option is out of range
 * @throws {NotAllowedError} if it is encrypted, and none of the identities opens it
 * @throws {MismatchError} if what is stored is damaged
 * @throws {LayerstashError} if the disk has less room than the layers take
 * @throws {NotFoundError} if there is no such folder, no directory around the one to write, or a path matches nothing in it
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { downloadFolder, uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 * await downloadFolder(store, "site", { directory: `${directory}/copy` });
 * if (await Deno.readTextFile(`${directory}/copy/index.html`) !== "<h1>Hello</h1>") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function downloadFolder(
  store: StoreReader,
  reference: string,
  options: DownloadFolderOptions,
): Promise<DownloadedFolder> {
  const reporting = withChannel(options, store);
  const { identities, signal, onEvent: report } = reporting;
  checkTransfer(reporting);
  requireWholeToDelete(reporting);
  const reader = decryptedImages(store, { identities });
  const { image: { manifest, layers }, folder: stored } = await requireFolder(reader, reference, {
    onEvent: report,
    signal,
  });
  const { digest, storedAs = digest, storedLayers } = manifest;
  const size = totalSize(layers);
  const files = reporting.paths ? undefined : stored.files;
  report?.({ type: "plan", blobs: layers.length, size, ...(files !== undefined && { files }) });
  const directory = await whereLeads(reporting.directory);
  await requireParent(directory);
  const told = withStoredDigests(report, storedLayers);
  const { jobs, onEvent } = adaptiveJobs({ ...reporting, onEvent: told, size });
  const folder = new FolderLayers(reader, layers, { onEvent, signal, name: reference });
  const wanted = new WantedPart(await Selection.of(reporting.paths ?? []));
  using disk = openDisk();
  const download = new FolderDownload(folder, { ...reporting, directory, jobs, onEvent, wanted, disk });
  const what = JSON.stringify([digest, reporting.paths ?? []]);
  const isNew = await isFree(directory);
  const counts = await (isNew ? download.intoNew(what) : download.onto(what)).catch((error) => {
    folder.takeBackUnwritten();
    throw error;
  });
  return { digest: storedAs, ...counts, verified: folder.verified };
}

function requireWholeToDelete({ paths = [], delete: deletes }: DownloadFolderOptions): void {
  if (!deletes || paths.length === 0) return;
  throw new InvalidInputError("a part of a folder does not tell what is to be removed", {
    hint: "bring back all of it, or remove nothing",
  });
}

/**
 * Whether a directory does not exist, or is empty and can be replaced by another: it is no place where a disk is mounted, and
 * not the working directory, in which whoever began the download still is.
 */
async function isFree(directory: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(directory)) return false;
    const { dev } = await Deno.lstat(directory);
    if (await Deno.realPath(directory) === await Deno.realPath(".")) return false;
    return dev === (await Deno.lstat(dirname(resolve(directory)))).dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (!(error instanceof Deno.errors.NotADirectory)) throw readError(error, directory);
    throw new ConflictError(`${directory} exists, and is not a directory`, { cause: error });
  }
}
