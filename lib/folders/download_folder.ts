/** Brings a folder back: into a new directory, or onto one that is there, of which only what differs is fetched. @module */
import { inParallel } from "../async/pool.ts";
import { ConflictError, InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";
import { withChannel } from "../events.ts";
import { requireParent } from "../files/existing_file.ts";
import { requireRoom } from "../files/output.ts";
import type { Layer } from "../images/image.ts";
import { ImageFiles, type OpenLayerEntry } from "../images/image_files.ts";
import { plainMode } from "../images/metadata.ts";
import type { Entry } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { counted } from "../messages.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { compareWithDisk } from "./compare_with_disk.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import { requireFolder } from "./folder_image.ts";
import { openDisk } from "./open_disk.ts";
import { Selection } from "./selection.ts";
import { StagedFolder } from "./staged_folder.ts";
import { linkedPath, TreeWriter } from "./tree_writer.ts";
import { walkFolder } from "./walk.ts";

/** Options of `downloadFolder`. */
export interface DownloadFolderOptions extends CallOptions {
  /** The directory that becomes the folder. */
  directory: string;
  /** Paths and globs of what is wanted; absent = everything. */
  paths?: readonly string[] | undefined;
  /** Replaces files that differ from those of the folder. */
  overwrite?: boolean | undefined;
  /** Removes what is in the directory, and not in the folder. */
  delete?: boolean | undefined;
  /** How many layers are fetched at once; absent = as many as there are processors, at most 4. */
  jobs?: number | undefined;
}

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
 * beside it, and gets its name when it is whole; a run that was interrupted is resumed from the last layer that was complete.
 * In one that exists, what has the size, the time and the mode of a stored file counts as the same, and is not fetched.
 *
 * @throws {ConflictError} if a file differs and `overwrite` is not set; nothing is changed then
 * @throws {InvalidInputError} if the reference is no folder, or an option is out of range
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
  const { directory, jobs, onEvent, signal } = reporting;
  checkTransfer({ jobs });
  requireWholeToDelete(reporting);
  const { image: { manifest: { digest }, layers } } = await requireFolder(store, reference, {
    onEvent,
    signal,
  });
  onEvent?.({ type: "plan", blobs: layers.length, size: totalSize(layers) });
  await requireParent(directory);
  const selection = await Selection.of(reporting.paths ?? []);
  const files = new ImageFiles(store, layers, { onEvent, signal, name: reference });
  using disk = openDisk();
  const download = new FolderDownload(files, { ...reporting, selection, disk });
  const counts = await isFree(directory)
    ? await download.intoNew(JSON.stringify([digest, reporting.paths ?? []]))
    : await download.onto();
  selection.requireFound();
  download.reportLosses();
  const { verified, byTable } = files.report;
  return { digest, ...counts, verified: verified || byTable };
}

function requireWholeToDelete({ paths = [], delete: deletes }: DownloadFolderOptions): void {
  if (!deletes || paths.length === 0) return;
  throw new InvalidInputError("a part of a folder does not tell what is to be removed", {
    hint: "bring back all of it, or remove nothing",
  });
}

function totalSize(layers: readonly Layer[]): number {
  return layers.reduce((sum, layer) => sum + layer.size, 0);
}

/** Whether a directory does not exist, or is empty. */
async function isFree(directory: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(directory)) return false;
    return !(await Deno.lstat(directory)).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ConflictError(`${directory} exists, and is not a directory`, { cause: error });
  }
}

interface FolderDownloadOptions extends DownloadFolderOptions {
  selection: Selection;
  disk: Disk;
}

type Counts = Omit<DownloadedFolder, "digest" | "verified">;

/** One download of a folder. */
class FolderDownload {
  readonly #files: ImageFiles;
  readonly #options: FolderDownloadOptions;
  readonly #counts: Counts = { written: 0, kept: 0, removed: 0 };
  readonly #directories: Entry[] = [];
  readonly #withSetId = new Set<string>();

  constructor(files: ImageFiles, options: FolderDownloadOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** Puts the folder together in a hidden place, and gives it its name. */
  async intoNew(what: string): Promise<Counts> {
    const { directory, disk, signal } = this.#options;
    await this.#requireRoom();
    using staged = await StagedFolder.open(directory, what);
    const writer = new TreeWriter(staged.tree, { disk, isOwn: true, signal });
    try {
      await this.#eachLayer(async (layer) => {
        if (staged.has(layer.digest) && !this.#isLast(layer)) return await this.#lookAt(layer);
        await this.#write(layer, { writer, want: "bytes" });
        staged.add(layer.digest);
      });
      writer.finish(this.#directories);
      this.#options.selection.requireFound();
    } catch (error) {
      const isHopeless = error instanceof InvalidInputError || error instanceof NotFoundError;
      if (isHopeless) await staged.discard();
      throw error;
    }
    disk.sync(staged.tree);
    await staged.finish();
    return this.#counts;
  }

  /** Finds what was asked for in a layer that an earlier run has brought back. */
  async #lookAt(layer: Layer): Promise<void> {
    if (this.#options.selection.isAll) return;
    for await (const _ of this.#entries(layer, { want: "names" }));
  }

  /** Says what was stored and is not restored. */
  reportLosses(): void {
    const { size } = this.#withSetId;
    if (size === 0) return;
    const message = `set-user-ID and set-group-ID bits of ${counted(size, "entry")} were not set`;
    this.#options.onEvent?.({ type: "notice", message });
  }

  /** Files take about as much as their layers, or more. What an earlier run has written is not needed again. */
  async #requireRoom(): Promise<void> {
    const { directory, selection, onEvent } = this.#options;
    if (!selection.isAll || await StagedFolder.isBegun(directory)) return;
    await requireRoom(directory, totalSize(this.#files.layers), onEvent);
  }

  /** Writes what differs, after it has looked at everything. */
  async onto(): Promise<Counts> {
    const { directory, disk, overwrite, signal } = this.#options;
    const stored = new Set<string>(STARGZ_PATHS);
    const different = new Set<string>();
    const adjusted: Entry[] = [];
    const layers = new Set<number>();
    await this.#eachLayer(async (layer) => {
      for await (const { extents: _, ...entry } of this.#entries(layer, { want: "names" })) {
        stored.add(entry.path);
        if (entry.type === "directory") continue;
        // What gets another file in the place of its own takes its other names along.
        const follows = entry.type === "hardlink" && different.has(linkedPath(entry));
        const verdict = follows ? "absent" : compareWithDisk(entry, this.#options);
        if (verdict === "conflict" && !overwrite) throw differing(pathOnDisk(directory, entry.path));
        if (verdict === "same") this.#counts.kept++;
        else if (verdict === "mode") adjusted.push(entry);
        else {
          different.add(entry.path);
          layers.add(layer.number);
        }
      }
    });
    const writer = new TreeWriter(directory, { disk, isOwn: false, signal });
    await this.#eachLayer(async (layer) => {
      const wanted = { writer, want: "some", only: different } as const;
      if (layers.has(layer.number) || this.#isLast(layer)) await this.#write(layer, wanted);
    });
    for (const entry of adjusted) writer.adjust(entry);
    if (this.#options.delete) await this.#removeOthers(stored);
    writer.finish(this.#directories);
    disk.sync(directory);
    return this.#counts;
  }

  /** The last layer has the directories, which are always needed. */
  #isLast({ number }: Layer): boolean {
    return number === this.#files.layers.length;
  }

  async #eachLayer(work: (layer: Layer) => Promise<void>): Promise<void> {
    const { jobs, signal } = this.#options;
    const atOnce = jobs ?? Math.min(DEFAULT_JOBS, Math.max(2, navigator.hardwareConcurrency));
    await inParallel(this.#files.layers, { jobs: atOnce, signal }, work);
  }

  /** The entries that are wanted, without those of the format; set-ID bits would give the rights of whoever downloads. */
  async *#entries(
    layer: Layer,
    { want }: { want: "names" | "bytes" | "some" },
  ): AsyncGenerator<OpenLayerEntry> {
    for await (const entry of this.#files.entries(layer, { want })) {
      if (STARGZ_PATHS.includes(entry.path) || !this.#options.selection.includes(entry.path)) continue;
      this.#requireLinkedFile(entry);
      if (plainMode(entry) !== entry.mode) this.#withSetId.add(entry.path);
      yield { ...entry, mode: plainMode(entry) };
    }
  }

  /** The first name of a file has its content: without it, no other name can come back. */
  #requireLinkedFile(entry: Entry): void {
    const target = linkedPath(entry);
    if (entry.type !== "hardlink" || this.#options.selection.includes(target)) return;
    throw new InvalidInputError(`${entry.path} is another name of ${target}, which was not asked for`, {
      hint: `ask for ${target}, too`,
    });
  }

  async #write(
    layer: Layer,
    { writer, want, only }: { writer: TreeWriter; want: "bytes" | "some"; only?: ReadonlySet<string> },
  ): Promise<void> {
    for await (const entry of this.#entries(layer, { want })) {
      const { extents: _, ...plain } = entry;
      if (entry.type === "directory") this.#directories.push(plain);
      else if (only && !only.has(entry.path)) continue;
      else await this.#writeOne(entry, writer);
    }
    const { number, digest, size } = layer;
    this.#options.onEvent?.({ type: "blob", index: number, state: "fetched", digest, size });
  }

  async #writeOne(entry: OpenLayerEntry, writer: TreeWriter): Promise<void> {
    if (entry.type === "file") await writer.file(entry);
    else if (entry.type === "symlink" || entry.type === "hardlink") await writer.link(entry);
    else throw new MismatchError(`the folder has a ${entry.type} at ${entry.path}, which no folder has`);
    this.#counts.written++;
  }

  /** Removes what is not in the folder: what is in a directory before the directory. */
  async #removeOthers(stored: ReadonlySet<string>): Promise<void> {
    const { directory, disk, signal } = this.#options;
    const { files, links, directories } = await walkFolder(directory, { disk, signal, isForeign: true });
    for (const list of [files, directories]) {
      for (let index = list.length - 1; index >= 0; index--) {
        const names = list === files ? [list.at(index), ...links.get(index) ?? []] : [list.at(index)];
        for (const { path } of names) {
          if (stored.has(path)) continue;
          disk.remove(pathOnDisk(directory, path));
          this.#counts.removed++;
        }
      }
    }
  }
}

function differing(path: string): ConflictError {
  return new ConflictError(`${path} is not what was stored`, {
    hint: "replace what differs with --overwrite, or download to another directory",
  });
}
