/** Walks through a directory, and lists what a folder of it holds. @module */
import { setImmediate as breathe } from "node:timers/promises";
import { denied, readError } from "../content/file_errors.ts";
import { InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { counted, listed, shellWord } from "../messages.ts";
import { encodeName } from "../layers/tar_field.ts";
import { baseName, pathIn } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { type Disk, type DiskEntry, hasExactNumber, pathOnDisk } from "./disk.ts";
import { EntryList } from "./entry_list.ts";
import type { FoundEntry } from "./entry_rows.ts";
import { STAGING } from "./staged_folder.ts";

/** What `walkFolder` takes beside the directory. */
export interface WalkOptions {
  disk: Disk;
  /** Whether a path is left out, with everything in it. */
  isExcluded?: ((path: string) => boolean) | undefined;
  /** Lists also what an interrupted download has left at the top; absent = an event says that it is left out. */
  withStaging?: boolean | undefined;
  /** Leaves out what is on other file systems. The directories on which they are mounted stay. */
  oneFileSystem?: boolean | undefined;
  /** Whether owners count. */
  keepOwner?: boolean | undefined;
  /** Lists also what could not be stored, because it is only compared. */
  isForeign?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onEvent?: OnEvent | undefined;
}

/** What was found. */
export interface FoundFolder {
  /** Files and symbolic links. Those in a directory are in the order of the bytes of their names. */
  files: EntryList;
  /** Further names of files. */
  links: EntryList;
  /** Their indexes by that of the first name. */
  linksOf: Map<number, number[]>;
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
 * Lists a directory. Sockets, pipes, devices, and what an interrupted download has left are left out, and an event names each.
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
  walk.requireStorable();
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
    files: new EntryList({ inOrder: true }),
    links: new EntryList({ inOrder: false }), // that of the first names
    linksOf: new Map(),
    directories: new EntryList({ inOrder: true }),
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
  /** Paths that no image can hold. */
  readonly #unstorable: string[] = [];
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
      const inside = pathIn(path, name);
      if (this.#options.isExcluded?.(inside) || this.#isStaging(inside)) continue;
      if (!this.#options.isForeign && meansElse(inside) !== undefined) {
        this.#unstorable.push(inside);
        continue;
      }
      const found = this.#ask(inside, (disk, at) => disk.stat(at));
      if (found?.kind === "directory") yield* this.directory(inside, found);
      else if (found) this.#add(inside, found);
      yield;
    }
  }

  /** @throws {InvalidInputError} if names were found that no image can hold */
  requireStorable(): void {
    const [first, ...more] = this.#unstorable;
    if (first === undefined) return;
    const problem = more.length === 0
      ? `${first} cannot be stored in a folder under this name: ${meansElse(first)}`
      : `${counted(this.#unstorable.length, "path")} cannot be stored in a folder under their names, ` +
        `which mean something else to an image: ${listed(this.#unstorable)}`;
    const them = more.length === 0 ? "it" : "them";
    throw new InvalidInputError(problem, { hint: `leave ${them} out with --exclude, or rename ${them}` });
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

  /** What the disk answers about a path; `undefined` = it was removed meanwhile, or may not be read. */
  #ask<T>(path: string, question: (disk: Disk, at: string) => T): T | undefined {
    try {
      return question(this.#options.disk, pathOnDisk(this.#root, path));
    } catch (error) {
      if (path.includes("\ufffd") && !this.#options.disk.isExact) throw foreignName(path);
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (!denied(error, "")) throw readError(error, pathOnDisk(this.#root, path));
      this.found.unreadable.push(path);
      return undefined;
    }
  }

  #isStaging(path: string): boolean {
    if (this.#options.withStaging || path !== STAGING) return false;
    this.#leaveOut(path, "what an interrupted download left");
    return true;
  }

  /** Says that something is left out, and what it is. */
  #leaveOut(path: string, what: string): void {
    const { isForeign, onEvent } = this.#options;
    const message = `${path} is not ${isForeign ? "compared" : "stored"}: it is ${what}`;
    onEvent?.({ type: "notice", message });
  }

  #add(path: string, info: DiskEntry): void {
    if (info.kind === "symlink") {
      const target = this.#ask(path, (disk, at) => disk.readLink(at));
      if (target === undefined) return;
      this.found.files.push(this.#entry(path, info, { type: "symlink", target }));
    } else if (info.kind === "file") this.#addFile(path, info);
    else {
      this.found.others.push(path);
      this.#leaveOut(path, `a ${info.kind}`);
    }
  }

  #addFile(path: string, info: DiskEntry): void {
    const key = `${info.device} ${info.inode}`;
    const mayBeShared = info.links > 1 && hasExactNumber(info);
    const first = mayBeShared ? this.#first.get(key) : undefined;
    if (first) {
      const link = this.#entry(path, info, { type: "hardlink", target: first.path });
      const index = this.found.links.push(link);
      const earlier = this.found.linksOf.get(first.index);
      if (earlier) earlier.push(index);
      else this.found.linksOf.set(first.index, [index]);
    } else {
      const index = this.found.files.push(this.#entry(path, info, { type: "file" }));
      if (mayBeShared) this.#first.set(key, { index, path });
    }
  }

  #entry(
    path: string,
    { mode, size, seconds, nanoseconds, changed, inode, uid, gid }: DiskEntry,
    kind: Pick<FoundEntry, "type" | "target" | "attributes">,
  ): FoundEntry {
    if (!this.#options.isForeign && Math.abs(seconds) > FARTHEST) throw tooFar(path, this.#root);
    const content = kind.type === "file" ? size : 0;
    const isDirectory = kind.type === "directory";
    if (!isDirectory) this.found.count++;
    this.found.size += content;
    this.found.changed = Math.max(this.found.changed, changed);
    this.found.newest = Math.max(this.found.newest, seconds);
    // Directories change with each file in them, but what is stored of one is its mode, its time and its attributes.
    const state = isDirectory ? { changed: 0, inode: 0 } : { changed, inode: Number(inode) };
    const owned = this.#options.keepOwner ? { uid, gid, owner: "", group: "" } as const : undefined;
    return { path, mode, size: content, seconds, nanoseconds, ...state, ...kind, ...(owned && { owned }) };
  }
}

/** The farthest times that a table of contents can have, in seconds before and after 1970: some 270,000 years. */
const FARTHEST = 8.64e12;

function tooFar(path: string, root: string): InvalidInputError {
  const at = pathOnDisk(root, path);
  return new InvalidInputError(`${path || root} was modified at a time too far from now to be stored`, {
    hint: `give it another time, as in: touch ${shellWord(at)}`,
  });
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

/** What a name means to an image beside the file; `undefined` = nothing. */
function meansElse(path: string): string | undefined {
  if (baseName(path).startsWith(".wh.")) return "to an image it means that another file is gone";
  return STARGZ_PATHS.includes(path) ? "images in eStargz have their own" : undefined;
}

function foreignName(path: string): LayerstashError {
  return new LayerstashError(`${path} cannot be read: its name is not UTF-8`, {
    hint: "leave it out with --exclude; on Linux it can be read where Deno has --allow-ffi",
  });
}
