/** Holds extracted contents in a hidden directory until all of them have arrived. @module */
import { join } from "node:path";
import { makeDirectory } from "../content/atomic_file.ts";
import { storageError } from "../content/file_errors.ts";
import { writeAllSync } from "../content/write_all.ts";
import { counted } from "../messages.ts";
import { NotAllowedError } from "../errors.ts";
import type { LayerEntry, MergedEntry } from "./file_tree.ts";
import type { OpenLayerEntry } from "./image_files.ts";
import { sourceKey, tooLarge } from "./read_sources.ts";
import { makeStagingDirectory, type StagingDirectory } from "./staging_directory.ts";
import { isUsable } from "./windows_names.ts";

/** The contents of files that do not have their final paths yet. */
export class Staging {
  readonly #target: string;
  readonly #directory: StagingDirectory;
  readonly #limit: number;
  /** The path of each content by its key. */
  readonly #paths = new Map<string, string>();
  /** Whether the target directory did not exist before. */
  readonly isNew: boolean;
  #written = 0;

  private constructor(
    target: string,
    directory: StagingDirectory,
    { limit, isNew }: { limit: number; isNew: boolean },
  ) {
    this.#target = target;
    this.#directory = directory;
    this.#limit = limit;
    this.isNew = isNew;
  }

  /**
   * Makes the hidden directory, and the target if it is missing.
   *
   * @param limit the most bytes that are written in total
   */
  static async in(target: string, limit: number): Promise<Staging> {
    try {
      const isNew = await Deno.lstat(target).then(() => false, () => true);
      await makeDirectory(target);
      return new Staging(target, await makeStagingDirectory(target), { limit, isNew });
    } catch (error) {
      throw storageError(error, target);
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
    return this.#paths.has(sourceKey(source));
  }

  /**
   * Writes the content of a file. Holes stay holes.
   *
   * @throws {LayerstashError} if the limit is exceeded
   */
  async keep(entry: OpenLayerEntry): Promise<void> {
    const key = sourceKey(entry);
    const path = join(this.#directory.path, `${this.#paths.size}`);
    try {
      using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
      let end = 0;
      for await (const { offset, bytes } of entry.extents()) {
        this.#count(bytes.length);
        if (offset !== end) file.seekSync(offset, Deno.SeekMode.Start);
        writeAllSync(file, bytes);
        end = offset + bytes.length;
      }
      if (end < entry.size) file.truncateSync(entry.size);
    } catch (error) {
      throw storageError(error, this.#target);
    }
    this.#paths.set(key, path);
  }

  /** The path of a file's content. */
  pathOf(source: LayerEntry): string {
    return this.#paths.get(sourceKey(source))!;
  }

  /**
   * Checks that files can get the owners that they have in the image.
   *
   * @throws {NotAllowedError} if that needs the rights of root
   */
  async requireOwners(entries: readonly MergedEntry[]): Promise<void> {
    const probe = join(this.#directory.path, "owner");
    await Deno.writeFile(probe, new Uint8Array(), { createNew: true });
    const owned = entries.filter(({ implied }) => !implied).map((entry) => entry.source ?? entry);
    for (const [owner, { uid, gid }] of new Map(owned.map((each) => [`${each.uid}:${each.gid}`, each]))) {
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
    await this.#directory[Symbol.asyncDispose]();
    if (this.isNew) await Deno.remove(this.#target).catch(() => {}); // succeeds only if it is empty
  }

  #count(bytes: number): void {
    this.#written += bytes;
    if (this.#written <= this.#limit) return;
    throw tooLarge(`the files have more than ${counted(this.#limit, "byte")}; nothing was extracted`);
  }
}

/** Whether a number is a user or a group: 32 bits, of which the last number means none. A larger one would be cut. */
function isOwner(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1;
}
