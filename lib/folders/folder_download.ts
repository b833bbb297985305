/** One download of a folder: into a new directory, or onto one that is there. @module */
import type { Jobs } from "../async/pool.ts";
import type { Identities } from "../encryption/identities.ts";
import { requireRoom } from "../files/output.ts";
import type { Layer } from "../images/image.ts";
import { plainMode } from "../images/metadata.ts";
import type { Entry } from "../layers/entry.ts";
import { counted } from "../messages.ts";
import type { CallOptions } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import type { Disk } from "./disk.ts";
import { type FetchedFiles, fetchFolderFiles } from "./fetch_folder_files.ts";
import type { FolderLayers } from "./folder_layers.ts";
import { type Differences, lookAtDisk, noteNames } from "./look_at_disk.ts";
import { removeOthers } from "./remove_others.ts";
import { isBegun, placeBeside, placeInside, StagedFolder, STAGING } from "./staged_folder.ts";
import { isRestored } from "./restored_metadata.ts";
import { TreeWriter } from "./tree_writer.ts";
import type { WantedPart } from "./wanted_part.ts";

/** Options of `downloadFolder`. */
export interface DownloadFolderOptions extends CallOptions {
  /** The directory that becomes the folder. */
  directory: string;
  /** Globs of what is wanted, as `.gitignore` has them; absent = everything. */
  paths?: readonly string[] | undefined;
  /** Replaces files that differ from those of the folder. */
  overwrite?: boolean | undefined;
  /** Removes what is in the directory, and not in the folder. */
  delete?: boolean | undefined;
  /** Compares contents with what is there, in the place of sizes and times. */
  checksum?: boolean | undefined;
  /** Gives everything the owner that is stored, with set-ID bits and capabilities. Only root may. */
  sameOwner?: boolean | undefined;
  /** How many requests run at once; absent = adapted to the connection. */
  jobs?: number | undefined;
  /** Keys that open an encrypted folder; absent = only one that is not encrypted is brought back. */
  identities?: Identities | undefined;
}

/** What a download takes beside its options. */
export interface FolderDownloadOptions extends Omit<DownloadFolderOptions, "jobs"> {
  jobs: number | Jobs;
  wanted: WantedPart;
  disk: Disk;
}

/** How many files and links were written, were there, and were removed. */
export interface FolderCounts {
  written: number;
  kept: number;
  removed: number;
}

/** One download. */
export class FolderDownload {
  readonly #layers: FolderLayers;
  readonly #options: FolderDownloadOptions;
  readonly #losses = new Losses();

  constructor(layers: FolderLayers, options: FolderDownloadOptions) {
    [this.#layers, this.#options] = [layers, options];
  }

  /** Puts the folder together in a hidden place, and gives it its name. */
  async intoNew(what: string): Promise<FolderCounts> {
    const { directory, disk } = this.#options;
    const place = placeBeside(directory);
    await this.#requireRoom(place, await this.#noteNames());
    using staged = await StagedFolder.open(directory, { place, what });
    const fetched = await this.#fetch(staged, { pick: (entry) => this.#pick(entry), needs: () => true });
    const writer = new TreeWriter(staged.tree, { ...this.#options, isStaged: true });
    for (const link of fetched.links) writer.link(link);
    this.#options.onEvent?.({ type: "files", count: fetched.links.length });
    writer.finish(fetched.directories);
    this.#losses.report(this.#options, fetched.lostAttributes + writer.lostAttributes);
    disk.sync(staged.tree);
    await staged.finish();
    return { written: fetched.files + fetched.links.length, kept: 0, removed: 0 };
  }

  /** Fetches what differs into a hidden place, and moves it to where it belongs. */
  async onto(what: string): Promise<FolderCounts> {
    const { directory, disk, overwrite, onEvent } = this.#options;
    await this.#noteNames();
    const found = await lookAtDisk(this.#layers, { ...this.#options, jobs: DEFAULT_JOBS });
    onEvent?.({ type: "files", count: found.kept + found.adjusted.length });
    const place = placeInside(directory);
    await this.#requireRoom(place, found.size);
    using staged = await StagedFolder.open(directory, { place, what });
    const fetched = await this.#fetch(staged, {
      pick: (entry) => {
        const picked = this.#pick(entry);
        return picked && found.different.has(picked.path) ? picked : undefined;
      },
      needs: (layer) => found.layers.has(layer),
    });
    const writer = new TreeWriter(directory, { ...this.#options, replaces: overwrite });
    const removed = await this.#settle(found, { fetched, staged, writer });
    for (const entry of found.adjusted) writer.adjust(entry);
    writer.finish(found.directories);
    this.#losses.report(this.#options, fetched.lostAttributes + writer.lostAttributes);
    disk.sync(directory);
    return { written: fetched.files + fetched.links.length, kept: found.kept, removed };
  }

  /** Moves what was fetched to where it belongs, and removes what is not to be there; returns how much that was. */
  async #settle(
    { different, blocked, stored }: Differences,
    { fetched, staged, writer }: { fetched: FetchedFiles; staged: StagedFolder; writer: TreeWriter },
  ): Promise<number> {
    const { directory, disk, delete: deletes, signal } = this.#options;
    let removed = 0;
    for (const below of blocked) {
      removed += await removeOthers(directory, { disk, stored: new Set(), below, signal });
    }
    const links = new Set(fetched.links.map(({ path }) => path));
    for (const path of different) if (!links.has(path)) writer.take(path, staged.tree);
    const maker = new TreeWriter(staged.tree, { ...this.#options, isStaged: true });
    for (const link of fetched.links) {
      maker.link(link, [directory]);
      writer.take(link.path, staged.tree);
    }
    this.#options.onEvent?.({ type: "files", count: fetched.links.length });
    if (deletes) removed += await removeOthers(directory, { disk, stored, signal });
    await staged.discard();
    return removed;
  }

  /** Finds out what is wanted; returns how many bytes of the layers that is. */
  async #noteNames(): Promise<number> {
    const { wanted, signal } = this.#options;
    if (wanted.isAll) return this.#layers.size;
    const size = await noteNames(this.#layers, { wanted, jobs: DEFAULT_JOBS, signal });
    wanted.requireFound();
    return size;
  }

  async #fetch(
    { tree, isResumed }: StagedFolder,
    part: { pick<E extends Entry>(entry: E): E | undefined; needs(layer: Layer): boolean },
  ): Promise<FetchedFiles> {
    return await fetchFolderFiles(this.#layers, { ...this.#options, ...part, tree, isResumed });
  }

  /** An entry as it is wanted. Set-ID bits would give the rights of whoever downloads, and stay away with the owners. */
  #pick<E extends Entry>(entry: E): E | undefined {
    const picked = this.#options.wanted.pick(entry);
    if (picked) this.#losses.note(picked, this.#options);
    return picked;
  }

  /** Files take about as much as their layers, or more. What an earlier run has written is not needed again. */
  async #requireRoom(place: string, size: number): Promise<void> {
    if (!await isBegun(place)) await requireRoom(place, size, this.#options.onEvent);
  }
}

/** What was stored and does not come back. */
class Losses {
  readonly #withSetId = new Set<string>();
  #attributes = 0;

  note({ path, mode, attributes = {} }: Entry, { sameOwner }: FolderDownloadOptions): void {
    if (!sameOwner && plainMode({ mode }) !== mode) this.#withSetId.add(path);
    this.#attributes += Object.keys(attributes).filter((name) => !isRestored(name, { sameOwner })).length;
  }

  /** @param unsupported how many attributes the file system has not taken */
  report({ onEvent, disk, wanted }: FolderDownloadOptions, unsupported: number): void {
    const { size } = this.#withSetId;
    const messages = [
      wanted.hasStaging &&
      `not restored: ${STAGING}, where a download keeps its own (layerstash extract brings that back)`,
      size > 0 && `set-user-ID and set-group-ID bits of ${counted(size, "entry")} were not set`,
      this.#attributes > 0 &&
      `not restored: ${counted(this.#attributes, "extended attribute")} that only root may set`,
      unsupported > 0 &&
      `not restored: ${counted(unsupported, "extended attribute")}: ${
        disk.isExact ? "the file system does not take them" : "that needs Linux and --allow-ffi"
      }`,
    ];
    for (const message of messages) if (message) onEvent?.({ type: "notice", message });
  }
}
