/** The place where a folder is put together, beside where it will be. A later run goes on with what an earlier one has left. @module */
import { basename, dirname, join } from "node:path";
import { giveName, makeDirectory, syncDirectory } from "../content/atomic_file.ts";
import { openLocked } from "../content/open_locked.ts";
import { storageError } from "../content/file_errors.ts";
import { writeAllSync } from "../content/write_all.ts";
import { ConflictError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";

/** A folder that does not have its name yet. Disposing of it leaves what it has for a later run. */
export class StagedFolder implements Disposable {
  /** The directory in which the folder grows. */
  readonly tree: string;
  readonly #directory: string;
  readonly #target: string;
  readonly #journal: Deno.FsFile;
  readonly #done: Set<string>;

  private constructor(target: string, directory: string, journal: Deno.FsFile, done: Iterable<string>) {
    [this.#target, this.#directory, this.#journal] = [target, directory, journal];
    this.tree = join(directory, "tree");
    this.#done = new Set(done);
  }

  /**
   * Opens the place. What belongs to another state of the folder, or to a part of it, goes.
   *
   * @param what tells states and parts apart
   * @throws {ConflictError} if another process puts the same folder together
   */
  static async open(target: string, what: string): Promise<StagedFolder> {
    const directory = placeOf(target);
    const path = join(directory, "layers");
    try {
      await makeDirectory(directory, { mode: 0o700 });
      const journal = await openLocked(path, {
        open: () => Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }),
        busy: () =>
          new ConflictError(`another process downloads to ${target}`, { hint: "wait until it has ended" }),
      });
      return await StagedFolder.#goOn(target, { directory, what, journal });
    } catch (error) {
      throw storageError(error, target);
    }
  }

  /** Whether an earlier run has begun to put this folder together. */
  static async isBegun(target: string): Promise<boolean> {
    return await Deno.lstat(placeOf(target)).then(() => true, () => false);
  }

  static async #goOn(
    target: string,
    { directory, what, journal }: { directory: string; what: string; journal: Deno.FsFile },
  ): Promise<StagedFolder> {
    const [first, ...done] = readAll(journal).split("\n").slice(0, -1); // a torn line at the end does not count
    const isSame = first === what;
    const staged = new StagedFolder(target, directory, journal, isSame ? done.filter(isDigest) : []);
    if (!isSame) {
      await Deno.remove(staged.tree, { recursive: true }).catch(() => {});
      journal.truncateSync();
      journal.seekSync(0, Deno.SeekMode.Start);
      writeAllSync(journal, new TextEncoder().encode(`${what}\n`));
    }
    await makeDirectory(staged.tree, { mode: 0o700 });
    return staged;
  }

  /** Whether all of a layer is in its place. */
  has(layer: string): boolean {
    return this.#done.has(layer);
  }

  /** Notes that all of a layer is in its place. */
  add(layer: string): void {
    writeAllSync(this.#journal, new TextEncoder().encode(`${layer}\n`));
    this.#done.add(layer);
  }

  /** Gives the folder its name, durably. */
  async finish(): Promise<void> {
    await giveName(this.tree, this.#target);
    await this.discard();
    await syncDirectory(dirname(this.#target));
  }

  /** Removes what it has: no later run is to go on with it. */
  async discard(): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  [Symbol.dispose](): void {
    this.#journal.close();
  }
}

function placeOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.layerstash-part`);
}

/** All of a file, which is at its end then. */
function readAll(file: Deno.FsFile): string {
  const bytes = new Uint8Array(file.statSync().size);
  let filled = 0;
  for (let read; (read = file.readSync(bytes.subarray(filled)));) filled += read;
  return new TextDecoder().decode(bytes.subarray(0, filled));
}
