/** A directory on the disk that is compared: what is in it, and the digests of its files. @module */
import { Pace } from "../async/pace.ts";
import { readError } from "../content/file_errors.ts";
import { NotAllowedError } from "../errors.ts";
import { type Disk, pathOnDisk } from "../folders/disk.ts";
import type { FolderEntry } from "../folders/folder.ts";
import { whereLeads } from "../folders/linked_directory.ts";
import { openDisk } from "../folders/open_disk.ts";
import { walkFolder } from "../folders/walk.ts";
import { FileTree } from "../images/file_tree.ts";
import type { LayerEntry } from "../images/layer_entry.ts";
import type { ContentDigests } from "../layers/entry.ts";
import { counted, listed } from "../messages.ts";
import type { CallOptions } from "../store/store.ts";
import { endsOf, knownBy, PieceHash } from "./contents.ts";

/** How many bytes are read at once. */
const AT_ONCE = 1024 * 1024;

/** One directory of a comparison. */
export class DirectorySide implements Disposable {
  /** What is in it. */
  readonly tree: FileTree;
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #options: CallOptions;

  private constructor(
    tree: FileTree,
    { directory, disk, ...options }: CallOptions & { directory: string; disk: Disk },
  ) {
    this.tree = tree;
    this.#directory = directory;
    this.#disk = disk;
    this.#options = options;
  }

  /**
   * Lists a directory. No file is read. An event names each pipe, socket and device: they are not compared.
   *
   * @throws {InvalidInputError} if it is not a directory
   * @throws {NotAllowedError} if a part of it may not be read
   */
  static async open(path: string, { signal, onEvent }: CallOptions): Promise<DirectorySide> {
    const directory = await whereLeads(path);
    const disk = openDisk();
    try {
      const { files, links, linksOf, directories, unreadable } = await walkFolder(directory, {
        disk,
        signal,
        onEvent,
        isForeign: true,
      });
      requireReadable(unreadable);
      const tree = new FileTree({ keepWhiteouts: true });
      let position = 0;
      const add = (entry: FolderEntry) => tree.add(layerEntry(entry, position++));
      for (let index = 0; index < directories.length; index++) add(directories.at(index));
      for (let index = 0; index < files.length; index++) {
        add(files.at(index));
        for (const link of linksOf.get(index) ?? []) add(links.at(link));
      }
      return new DirectorySide(tree, { directory, disk, signal, onEvent });
    } catch (error) {
      disk[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]();
  }

  /** Whether times are known to the nanosecond, also those of links. */
  get isExact(): boolean {
    return this.#disk.isExact;
  }

  /** The digests of a file, of the same pieces as those that are known of the other content. */
  async digestsOf(path: string, other: ContentDigests | undefined): Promise<ContentDigests> {
    const { signal, onEvent } = this.#options;
    const at = pathOnDisk(this.#directory, path);
    const hash = new PieceHash(endsOf(other));
    const buffer = new Uint8Array(AT_ONCE);
    const pace = new Pace(signal);
    try {
      using file = this.#disk.open(at);
      for (let count; (count = file.read(buffer)) > 0;) {
        if (pace.isPauseDue) await pace.pause();
        hash.update(buffer.subarray(0, count));
        onEvent?.({ type: "progress", phase: "hash", bytes: count });
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw readError(error, at);
    }
    return knownBy(hash.digests());
  }
}

function requireReadable(unreadable: readonly string[]): void {
  if (unreadable.length === 0) return;
  throw new NotAllowedError(`${counted(unreadable.length, "path")} may not be read: ${listed(unreadable)}`);
}

function layerEntry(
  { path, type, mode, size, seconds, nanoseconds, target }: FolderEntry,
  position: number,
): LayerEntry {
  return {
    ...{ path, name: path, type, mode, size, position, layer: 0 },
    ...{ uid: 0, gid: 0, owner: "", group: "" },
    modified: seconds + nanoseconds / 1e9,
    ...(target !== undefined && { target }),
  };
}
