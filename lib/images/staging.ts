/** Contents on their way to disk: they are written aside, and get their names when everything is there. @module */
import { dirname, join } from "node:path";
import { storageError, temporaryName, writeAll } from "../content/atomic_file.ts";
import { counted } from "../content/counted.ts";
import type { LayerEntry } from "./file_tree.ts";
import type { OpenLayerEntry } from "./image_files.ts";
import { sourceKey } from "./read_sources.ts";
import { tooLarge } from "./size_limit.ts";

/** A directory within the target, for contents that have no name yet. */
export class Staging {
  readonly #directory: string;
  readonly #limit: number;
  readonly #kept = new Map<string, string>();
  /** Whether the target was made for this. */
  readonly #isNew: boolean;
  #written = 0;

  private constructor(directory: string, limit: number, isNew: boolean) {
    this.#directory = directory;
    this.#limit = limit;
    this.#isNew = isNew;
  }

  /**
   * Makes it, and the target where that is missing.
   *
   * @param limit the most that is written in all, in bytes
   */
  static async in(target: string, limit: number): Promise<Staging> {
    try {
      const isNew = await Deno.lstat(target).then(() => false, () => true);
      await Deno.mkdir(target, { recursive: true });
      const directory = temporaryName(target);
      await Deno.mkdir(directory, { mode: 0o700 });
      return new Staging(directory, limit, isNew);
    } catch (error) {
      throw storageError(error, target);
    }
  }

  /** Whether names on this disk differ by more than their case. */
  async isCaseSensitive(): Promise<boolean> {
    const name = this.#directory.slice(this.#directory.lastIndexOf(".layerstash"));
    const other = this.#directory.slice(0, -name.length) + name.toUpperCase();
    return await Deno.lstat(other).then(() => false, () => true);
  }

  /** Whether the bytes of a file are there. */
  has(source: LayerEntry): boolean {
    return this.#kept.has(sourceKey(source));
  }

  /**
   * Writes the bytes of a file; its holes stay holes.
   *
   * @throws {LayerstashError} when it is more than is to be written in all
   */
  async keep(entry: OpenLayerEntry): Promise<void> {
    const key = sourceKey(entry);
    const path = join(this.#directory, `${this.#kept.size}`);
    try {
      using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
      let end = 0;
      for await (const { offset, bytes } of entry.extents()) {
        this.#count(bytes.length);
        if (offset !== end) await file.seek(offset, Deno.SeekMode.Start);
        await writeAll(file, bytes);
        end = offset + bytes.length;
      }
      if (end < entry.size) await file.truncate(entry.size);
    } catch (error) {
      throw storageError(error, dirname(this.#directory));
    }
    this.#kept.set(key, path);
  }

  /** Where the bytes of a file are. */
  pathOf(source: LayerEntry): string {
    return this.#kept.get(sourceKey(source))!;
  }

  /** Takes away what got no name, and a target that was made in vain. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true }).catch(() => {});
    if (this.#isNew) await Deno.remove(dirname(this.#directory)).catch(() => {}); // which it does when it is empty
  }

  #count(bytes: number): void {
    this.#written += bytes;
    if (this.#written <= this.#limit) return;
    throw tooLarge(`the files have more than ${counted(this.#limit, "byte")}, and nothing is kept of them`);
  }
}
