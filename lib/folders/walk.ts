/** Walks through a directory, and lists what a folder of it holds. @module */
import { setImmediate as breathe } from "node:timers/promises";
import { denied, readError } from "../content/file_errors.ts";
import { InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { encodeName } from "../layers/tar_field.ts";
import { baseName } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import type { Disk, DiskEntry } from "./disk.ts";
import { pathOnDisk } from "./disk.ts";
import { EntryList, type FoundEntry } from "./entry_list.ts";

/** What `walkFolder` takes beside the directory. */
export interface WalkOptions {
  disk: Disk;
  /** Whether a path is left out, with everything in it. */
  isExcluded?: ((path: string) => boolean) | undefined;
  /** Leaves out what is on other file systems. The directories on which they are mounted stay. */
  oneFileSystem?: boolean | undefined;
  /** Lists also what could not be stored, because it is only compared. */
  isForeign?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onEvent?: OnEvent | undefined;
}

/** What was found. */
export interface FoundFolder {
  /** Files and symbolic links. Those in a directory are in the order of the bytes of their names. */
  files: EntryList;
  /** Further names of files, by the index of the first. */
  links: Map<number, FoundEntry[]>;
  /** Directories; the first is the top. */
  directories: EntryList;
  /** How many files and links there are. */
  count: number;
  /** The bytes of all files. */
  size: number;
  /** When anything was last changed, in milliseconds since 1970. */
  changed: number;
  /** When the newest was modified, in seconds since 1970. */
  newest: number;
  /** Directories that could not be read. */
  unreadable: string[];
  /** Sockets, pipes and devices. */
  others: string[];
}

/** After how many entries others get their turn, and an abort is noticed. */
const BREATH = 2000;

/**
 * Lists a directory. Sockets, pipes and devices are left out, and an event names each.
 *
 * @throws {InvalidInputError} if it is not a directory, or something in it has a name that no image can hold
 */
export async function walkFolder(root: string, options: WalkOptions): Promise<FoundFolder> {
  const { disk, signal } = options;
  const walk = new Walk(root, options);
  let count = 0;
  for (const _ of walk.directory("", statRoot(disk, root))) {
    if (++count % BREATH === 0) await breathe();
    signal?.throwIfAborted();
  }
  return walk.found;
}

function statRoot(disk: Disk, root: string): DiskEntry {
  try {
    const info = disk.stat(root);
    if (info.kind === "directory") return info;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw readError(cause, root);
    throw new NotFoundError(`there is no directory ${root}`, { cause });
  }
  throw new InvalidInputError(`${root} is not a directory`);
}

class Walk {
  readonly found: FoundFolder = {
    files: new EntryList(),
    links: new Map(),
    directories: new EntryList(),
    count: 0,
    size: 0,
    changed: 0,
    newest: 0,
    unreadable: [],
    others: [],
  };
  readonly #root: string;
  readonly #options: WalkOptions;
  #device = 0;
  /** The first name of each file that has several, by its number on its file system. */
  readonly #first = new Map<string, { index: number; path: string }>();

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Adds a directory and what is in it. Yields after each entry. */
  *directory(path: string, info: DiskEntry): Generator<void> {
    if (path === "") this.#device = info.device;
    const attributes = this.#options.disk.attributes(pathOnDisk(this.#root, path));
    this.found.directories.push(this.#entry(path, info, { type: "directory", attributes }));
    yield;
    if (this.#options.oneFileSystem && info.device !== this.#device) return;
    for (const name of this.#namesIn(path)) {
      const inside = path === "" ? name : `${path}/${name}`;
      if (this.#options.isExcluded?.(inside)) continue;
      if (!this.#options.isForeign) requireStorable(inside);
      const found = this.#stat(inside);
      if (found?.kind === "directory") yield* this.directory(inside, found);
      else if (found) this.#add(inside, found);
      yield;
    }
  }

  #namesIn(path: string): string[] {
    try {
      return sortedByBytes(this.#options.disk.list(pathOnDisk(this.#root, path)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return []; // it was removed meanwhile
      if (!denied(error, "") || path === "") throw readError(error, pathOnDisk(this.#root, path));
      this.found.unreadable.push(path);
      return [];
    }
  }

  /** What is at a path; `undefined` = it was removed meanwhile. */
  #stat(path: string): DiskEntry | undefined {
    try {
      return this.#options.disk.stat(pathOnDisk(this.#root, path));
    } catch (error) {
      if (path.includes("\ufffd") && !this.#options.disk.isExact) throw foreignName(path);
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (!denied(error, "")) throw readError(error, pathOnDisk(this.#root, path));
      this.found.unreadable.push(path);
      return undefined;
    }
  }

  #add(path: string, info: DiskEntry): void {
    if (info.kind === "symlink") {
      const target = this.#options.disk.readLink(pathOnDisk(this.#root, path));
      this.found.files.push(this.#entry(path, info, { type: "symlink", target }));
    } else if (info.kind === "file") this.#addFile(path, info);
    else {
      this.found.others.push(path);
      const { isForeign, onEvent } = this.#options;
      const message = `${path} is not ${isForeign ? "compared" : "stored"}: it is a ${info.kind}`;
      onEvent?.({ type: "notice", message });
    }
  }

  #addFile(path: string, info: DiskEntry): void {
    const key = `${info.device} ${info.inode}`;
    const first = info.links > 1 ? this.#first.get(key) : undefined;
    if (first) {
      const link = this.#entry(path, info, { type: "hardlink", target: first.path });
      this.found.links.set(first.index, [...this.found.links.get(first.index) ?? [], link]);
    } else {
      const index = this.found.files.push(this.#entry(path, info, { type: "file" }));
      if (info.links > 1) this.#first.set(key, { index, path });
    }
  }

  #entry(
    path: string,
    { mode, size, seconds, nanoseconds, changed, inode }: DiskEntry,
    kind: Pick<FoundEntry, "type" | "target" | "attributes">,
  ): FoundEntry {
    const content = kind.type === "file" ? size : 0;
    if (kind.type !== "directory") this.found.count++;
    this.found.size += content;
    this.found.changed = Math.max(this.found.changed, changed);
    this.found.newest = Math.max(this.found.newest, seconds);
    return { path, mode, size: content, seconds, nanoseconds, changed, inode, ...kind };
  }
}

/** Sorts names by their bytes, which no locale changes. */
function sortedByBytes(names: string[]): string[] {
  // Up to U+D7FF, and from U+E000 on, units of UTF-16 have the order of the bytes of UTF-8.
  if (!names.some((name) => /[\ud800-\udfff]/.test(name))) return names.sort();
  const keys = new Map(
    names.map((name) => [name, Array.from(encodeName(name), (byte) => String.fromCharCode(byte)).join("")]),
  );
  return names.sort((one, other) => keys.get(one)! < keys.get(other)! ? -1 : 1);
}

/** Images have files of their own by these names, and a `.wh.` takes files of lower layers away. */
function requireStorable(path: string): void {
  const isWhiteout = baseName(path).startsWith(".wh.");
  if (!isWhiteout && !STARGZ_PATHS.includes(path)) return;
  const why = isWhiteout
    ? "to an image it means that another file is gone"
    : "images in eStargz have their own";
  throw new InvalidInputError(`${path} cannot be stored in a folder under this name: ${why}`, {
    hint: `leave it out with --exclude, or rename it`,
  });
}

function foreignName(path: string): LayerstashError {
  return new LayerstashError(`${path} cannot be read: its name is not UTF-8`, {
    hint: "leave it out with --exclude; on Linux it can be read where Deno has --allow-ffi",
  });
}
