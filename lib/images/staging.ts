/** Holds extracted contents in a hidden directory until all of them have arrived. @module */
import { join } from "node:path";
import type { Bytes } from "../content/bytes.ts";
import { makeDirectory } from "../content/atomic_file.ts";
import { storageError, writeError } from "../content/file_errors.ts";
import { writeAllSync } from "../content/write_all.ts";
import { counted } from "../messages.ts";
import { NotAllowedError } from "../errors.ts";
import type { MergedEntry } from "./file_tree.ts";
import type { LayerEntry } from "./layer_entry.ts";
import type { OpenLayerEntry } from "./image_files.ts";
import { isOwner, plainMode } from "./metadata.ts";
import { tooLarge } from "./read_sources.ts";
import { StagedFiles } from "./staged_files.ts";
import { StagedTree } from "./staged_tree.ts";
import { makeStagingDirectory, type StagingDirectory } from "./staging_directory.ts";
import { isUsable } from "./windows_names.ts";
import { type WholeFile, WritingThread } from "./writing_thread.ts";

/** How contents are held. */
export interface StagingOptions {
  /** The most bytes that are written in total. */
  limit: number;
  /** Whether files will get their owners, and their modes only then. */
  sameOwner: boolean;
}

/** The contents of files that do not have their final paths yet: in a tree, where most are under their paths already. */
export class Staging {
  readonly #target: string;
  readonly #directory: StagingDirectory;
  readonly #options: StagingOptions;
  /** The contents that were written. */
  readonly files = new StagedFiles();
  /** Files under their paths. */
  readonly tree: StagedTree;
  /** Whether the target directory did not exist before. */
  readonly isNew: boolean;
  readonly #thread: WritingThread;
  #written = 0;

  private constructor(
    target: string,
    directory: StagingDirectory,
    options: StagingOptions & { isNew: boolean },
  ) {
    this.#target = target;
    this.#directory = directory;
    this.#options = options;
    this.isNew = options.isNew;
    this.tree = new StagedTree(join(directory.path, "tree"));
    const { root, given } = this.tree;
    this.#thread = new WritingThread({ root, given, writeHere: (file) => this.#writeHere(file) });
  }

  /** Makes the hidden directory, and the target if it is missing. */
  static async in(target: string, options: StagingOptions): Promise<Staging> {
    try {
      const isNew = await Deno.lstat(target).then(() => false, () => true);
      await makeDirectory(target);
      return new Staging(target, await makeStagingDirectory(target), { ...options, isNew });
    } catch (error) {
      throw writeError(error, target);
    }
  }

  /** Two of these names that are one name on this disk; `undefined` if all differ. */
  async findSame(names: readonly string[]): Promise<[string, string] | undefined> {
    const directory = join(this.#directory.path, "names");
    await Deno.mkdir(directory, { mode: 0o700 });
    try {
      for (const [index, name] of names.entries()) {
        if (!isUsable(name)) continue; // it is refused later, with the reason
        try {
          (await Deno.open(join(directory, name), { write: true, createNew: true })).close();
        } catch (error) {
          if (!(error instanceof Deno.errors.AlreadyExists)) throw storageError(error, this.#target);
          return [await this.#earlier(directory, names.slice(0, index), name), name];
        }
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    return undefined;
  }

  /** The earlier name that a disk takes for this one. */
  async #earlier(directory: string, names: readonly string[], name: string): Promise<string> {
    const { dev, ino } = await Deno.lstat(join(directory, name));
    for (const each of names) {
      const found = await Deno.lstat(join(directory, each)).catch(() => undefined);
      if (found?.dev === dev && found.ino === ino) return each;
    }
    return names[0]!;
  }

  /** Whether the content of a file was written. */
  has(source: LayerEntry): boolean {
    return this.files.indexOf(source) !== undefined;
  }

  /**
   * Writes the content of a file, or has it written by the thread. Holes stay holes.
   *
   * @throws {LayerstashError} if the limit is exceeded
   */
  async keep(entry: OpenLayerEntry): Promise<void> {
    const extents = entry.extents();
    try {
      const whole = Array.isArray(extents) && this.#thread.takes(entry.size) ? extents[0] : undefined;
      if (whole && this.#makeRoom(entry.path)) await this.#handOver(entry, whole.bytes);
      else await this.#write(entry, extents);
    } catch (error) {
      throw storageError(error, this.#target);
    }
  }

  /**
   * Waits until all contents are written.
   *
   * @throws {LayerstashError} if one could not be written
   */
  async finish(): Promise<void> {
    try {
      await this.#thread.finish();
    } catch (error) {
      throw storageError(error, this.#target);
    }
  }

  /** Whether a file can be made under a path: its directory is made then. */
  #makeRoom(path: string): boolean {
    if (!canBeSpelled(path)) return false;
    try {
      this.tree.free(path);
      return true;
    } catch {
      return false;
    }
  }

  async #handOver(entry: OpenLayerEntry, bytes: Bytes): Promise<void> {
    this.#count(bytes.length);
    const { path, modified } = entry;
    const index = this.files.length;
    this.files.add(entry, this.tree.at(path));
    await this.#thread.add({ path, modified, mode: this.#modeOf(entry), index, bytes });
  }

  /** Writes a file that the thread could not write. */
  #writeHere({ path, mode, modified, index, bytes }: WholeFile): void {
    const made = this.#create(path, { mode, index });
    using file = made.file;
    writeAllSync(file, bytes);
    file.utimeSync(modified, modified);
    this.files.move(index, made.path);
  }

  async #write(entry: OpenLayerEntry, extents: ReturnType<OpenLayerEntry["extents"]>): Promise<void> {
    const { file, path } = this.#create(entry.path, { mode: this.#modeOf(entry), index: this.files.length });
    using _closed = file;
    let end = 0;
    for await (const { offset, bytes } of extents) {
      this.#count(bytes.length);
      if (offset !== end) file.seekSync(offset, Deno.SeekMode.Start);
      writeAllSync(file, bytes);
      end = offset + bytes.length;
    }
    if (end < entry.size) file.truncateSync(entry.size);
    file.utimeSync(entry.modified, entry.modified);
    this.files.add(entry, path);
  }

  #modeOf(entry: OpenLayerEntry): number {
    return this.#options.sameOwner ? 0o600 : plainMode(entry);
  }

  /** Makes a file under its path; elsewhere if something else is there, or no disk could have the path. */
  #create(
    path: string,
    { mode, index }: { mode: number; index: number },
  ): { file: Deno.FsFile; path: string } {
    if (canBeSpelled(path)) {
      try {
        return { file: this.tree.create(path, mode), path: this.tree.at(path) };
      } catch { /* what is wrong with the disk is wrong elsewhere, too */ }
    }
    const aside = this.aside(index);
    return { file: Deno.openSync(aside, { write: true, createNew: true, mode: 0o600 }), path: aside };
  }

  /** Where the content with this index waits if it is not in the tree. */
  readonly aside = (index: number): string => `${this.#directory.path}/${index}`;

  /**
   * Checks that files can get the owners that they have in the image.
   *
   * @throws {NotAllowedError} if that needs the rights of root
   */
  async requireOwners(entries: Iterable<MergedEntry>): Promise<void> {
    const probe = join(this.#directory.path, "owner");
    await Deno.writeFile(probe, new Uint8Array(), { createNew: true });
    const owners = new Map<string, LayerEntry>();
    for (const entry of entries) {
      const owned = entry.source ?? entry;
      if (!entry.implied) owners.set(`${owned.uid}:${owned.gid}`, owned);
    }
    for (const [owner, { uid, gid }] of owners) {
      if (!isOwner(uid) || !isOwner(gid)) {
        throw new NotAllowedError(`--same-owner cannot give files to ${owner}, which no system has`, {
          hint: "omit --same-owner: you then own the files",
        });
      }
      await Deno.chown(probe, uid, gid).catch((cause) => {
        throw new NotAllowedError(
          `--same-owner needs the rights of root: files cannot be given to ${owner}`,
          {
            hint: "run it as root, or omit --same-owner: you then own the files",
            cause,
          },
        );
      });
    }
  }

  /** Removes contents that were not placed, and the target if it was made for nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
    if (this.isNew) await Deno.remove(this.#target).catch(() => {}); // succeeds only if it is empty
  }

  #count(bytes: number): void {
    this.#written += bytes;
    const { limit } = this.#options;
    if (this.#written <= limit) return;
    throw tooLarge(`the files have more than ${counted(limit, "byte")}; nothing was extracted`);
  }
}

/** Whether Deno can spell a path, and the system allows it. */
function canBeSpelled(path: string): boolean {
  return isUsable(path) && path.isWellFormed();
}
