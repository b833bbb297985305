/** Contents on their way to disk: they are written aside, and get their names when everything is there. @module */
import { basename, join } from "node:path";
import { storageError } from "../content/atomic_file.ts";
import { writeAll } from "../content/write_all.ts";
import { counted } from "../messages.ts";
import { NotAllowedError } from "../errors.ts";
import type { LayerEntry, MergedEntry } from "./file_tree.ts";
import type { OpenLayerEntry } from "./image_files.ts";
import { sourceKey } from "./read_sources.ts";
import { tooLarge } from "./size_limit.ts";
import { makeStagingPlace, type StagingPlace } from "./staging_place.ts";

/** A directory within the target, for contents that have no name yet. */
export class Staging {
  readonly #target: string;
  readonly #place: StagingPlace;
  readonly #limit: number;
  readonly #kept = new Map<string, string>();
  /** Whether the target was made for this. */
  readonly #isNew: boolean;
  #written = 0;

  private constructor(
    target: string,
    place: StagingPlace,
    { limit, isNew }: { limit: number; isNew: boolean },
  ) {
    this.#target = target;
    this.#place = place;
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
      return new Staging(target, await makeStagingPlace(target), { limit, isNew });
    } catch (error) {
      throw storageError(error, target);
    }
  }

  /** Whether names on this disk differ by more than their case. */
  async isCaseSensitive(): Promise<boolean> {
    const other = join(this.#target, basename(this.#place.path).toUpperCase());
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
    const path = join(this.#place.path, `${this.#kept.size}`);
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
      throw storageError(error, this.#target);
    }
    this.#kept.set(key, path);
  }

  /** Where the bytes of a file are. */
  pathOf(source: LayerEntry): string {
    return this.#kept.get(sourceKey(source))!;
  }

  /**
   * Makes sure that files can be given the owners that they have in the image.
   *
   * @throws {NotAllowedError} when that takes the rights of root
   */
  async requireOwners(entries: readonly MergedEntry[]): Promise<void> {
    const probe = join(this.#place.path, "owner");
    await Deno.writeFile(probe, new Uint8Array(), { createNew: true });
    const owned = entries.filter(({ implied }) => !implied).map((entry) => entry.source ?? entry);
    for (const [owner, { uid, gid }] of new Map(owned.map((each) => [`${each.uid}:${each.gid}`, each]))) {
      await Deno.chown(probe, uid, gid).catch((cause) => {
        throw new NotAllowedError(
          `--same-owner needs the rights of root: files cannot be given to ${owner}`,
          {
            hint: "run it as root, or leave --same-owner away: the files are yours then",
            cause,
          },
        );
      });
    }
  }

  /** Takes away what got no name, and a target that was made in vain. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
    if (this.#isNew) await Deno.remove(this.#target).catch(() => {}); // which it does when it is empty
  }

  #count(bytes: number): void {
    this.#written += bytes;
    if (this.#written <= this.#limit) return;
    throw tooLarge(`the files have more than ${counted(this.#limit, "byte")}, and nothing is kept of them`);
  }
}
