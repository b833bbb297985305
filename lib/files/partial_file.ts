/** `FILE.part`, in which a download grows until it gets its name: opened once, locked, and never through a link. @module */
import { basename, dirname, join } from "node:path";
import { giveName } from "../content/atomic_file.ts";
import { storageError, writeError } from "../content/file_errors.ts";
import { hasName, openLocked } from "../content/open_locked.ts";
import { ConflictError, LayerstashError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { digestOf, encodedPart } from "../oci/digest.ts";
import { ordinaryFile, requireOwn, requireReplaceable } from "./existing_file.ts";
import { keepMode, modeOfPartial, narrow } from "./kept_mode.ts";
import { outOfRoom, requireRoom } from "./output.ts";

/** How many bytes the name of a file may have on most disks. */
const LONGEST_NAME = 255;

/** `FILE.part`. Where that name would be too long, it has the beginning of the file's name, and a digest of the whole. */
function partialPath(path: string): string {
  const name = new TextEncoder().encode(basename(path));
  if (name.length + ".part".length <= LONGEST_NAME) return `${path}.part`;
  const ending = `-${encodedPart(digestOf(name)).slice(0, 12)}.part`;
  const beginning = new TextDecoder().decode(name.subarray(0, LONGEST_NAME - ending.length));
  return join(dirname(path), `${beginning.replace(/\ufffd$/, "")}${ending}`); // without half a letter
}

/** Whether a directory has neither a file with this path nor a part of it, so that all of it has to be fetched. */
export async function isNewFile(path: string): Promise<boolean> {
  const [directory, ...files] = await Promise.all(
    [dirname(path), path, partialPath(path)].map((each) => Deno.stat(each).catch(() => undefined)),
  );
  return directory?.isDirectory === true && files.every((info) => info === undefined);
}

/** How a partial file is opened. */
export interface PartialFileOptions {
  /** Replaces another file that has the name of the target. */
  overwrite?: boolean | undefined;
  onEvent?: OnEvent | undefined;
}

/** The partial file of one download, which no other download has open. */
export class PartialFile implements Disposable {
  /** Its path. */
  readonly path: string;
  /** Open for writing. */
  readonly file: Deno.FsFile;
  /** The bytes that an earlier run left in it; 0 where it is new. */
  readonly found: number;
  /** Tells it from all other files as long as it exists, whatever its name. */
  readonly identity: string;
  readonly #target: string;
  readonly #isNew: boolean;
  readonly #overwrite: boolean | undefined;

  private constructor(
    target: string,
    file: Deno.FsFile,
    { isNew, info, overwrite }: { isNew: boolean; info: Deno.FileInfo; overwrite: boolean | undefined },
  ) {
    this.path = partialPath(target);
    this.file = file;
    this.found = info.size;
    this.identity = `${info.dev}:${info.ino}`;
    this.#target = target;
    this.#isNew = isNew;
    this.#overwrite = overwrite;
  }

  /**
   * Opens the partial file of a target, or makes it. Its content is not changed.
   *
   * @throws {NotFoundError} if the directory of the target does not exist
   * @throws {ConflictError} if another process downloads to the target, if another file has its name and `overwrite` is
   *   not set, or if the partial file is somebody else's
   * @throws {InvalidInputError} if something else than an ordinary file has the name of the target, or its own
   */
  static async open(target: string, { overwrite, onEvent }: PartialFileOptions = {}): Promise<PartialFile> {
    await requireReplaceable(target, { overwrite });
    const path = partialPath(target);
    let isNew = false;
    const mode = await modeOfPartial(target);
    const file = await openLocked(path, {
      open: async () => {
        isNew = await ordinaryFile(path) === undefined;
        return await openAt(path, { isNew, mode });
      },
      lock: (file) => lockPartialFile(file, onEvent),
      busy: () => busyPartialFile(target),
    }).catch((error) => {
      throw writeError(error, path);
    });
    try {
      const info = await file.stat();
      if (!isNew) await requireOwn(path, info);
      await narrow(path, mode);
      return new PartialFile(target, file, { isNew, info, overwrite });
    } catch (error) {
      file.close();
      throw writeError(error, path);
    }
  }

  /** The absolute path that the file will have, without links. */
  async fullName(): Promise<string> {
    return join(await Deno.realPath(dirname(this.#target)), basename(this.#target));
  }

  /**
   * Makes sure that the disk has room for what is missing. Space that the file occupies already is not needed again. If
   * there is too little room, a new file is removed.
   *
   * @throws {LayerstashError} if the room does not suffice
   */
  async requireRoomFor(size: number, missing: number, onEvent?: OnEvent): Promise<void> {
    const occupied = ((await this.file.stat()).blocks ?? 0) * 512; // less than its size while it has holes
    try {
      await requireRoom(this.path, Math.min(missing, size - occupied), onEvent);
    } catch (error) {
      if (this.#isNew) await this.remove();
      throw error;
    }
  }

  /** The error to throw where writing the file, or fetching its bytes, has failed and `missing` bytes are not in it. */
  async explain(error: unknown, missing: number): Promise<unknown> {
    if (await hasName(this.file, this.#target)) return storageError(error, this.#target); // it was renamed already
    try {
      await this.#requireInPlace(error);
    } catch (replaced) {
      return replaced;
    }
    return outOfRoom(error, this.path, missing) ?? storageError(error, this.path);
  }

  /** Makes sure that it still has its name; `cause` is an error that it may explain if it has not. */
  async #requireInPlace(cause?: unknown): Promise<void> {
    if (await hasName(this.file, this.path)) return;
    throw new LayerstashError(`${this.path} was removed or replaced while it was written`, {
      hint: "run the same command again",
      cause,
    });
  }

  /**
   * Gives it the name of the target when all of it is on the disk. The permissions are those of the file that it replaces.
   *
   * @throws {ConflictError} if another file got the name of the target meanwhile, and `overwrite` is not set
   */
  async finish(): Promise<void> {
    await this.file.syncData();
    await requireReplaceable(this.#target, { overwrite: this.#overwrite });
    await this.#requireInPlace();
    await keepMode(this.#target, this.path);
    await giveName(this.path, this.#target);
  }

  /** Removes it: it is not needed. */
  async remove(): Promise<void> {
    if (await hasName(this.file, this.path)) await Deno.remove(this.path);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** `undefined` = it was removed, or somebody else made it, since it was looked at. */
async function openAt(
  path: string,
  { isNew, mode }: { isNew: boolean; mode: number | undefined },
): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, {
      write: true,
      createNew: isNew,
      ...(isNew && mode !== undefined && { mode }),
    });
  } catch (error) {
    if (error instanceof (isNew ? Deno.errors.AlreadyExists : Deno.errors.NotFound)) return undefined;
    throw writeError(error, path);
  }
}

async function lockPartialFile(file: Deno.FsFile, onEvent: OnEvent | undefined): Promise<boolean> {
  // On Windows a lock would keep our own hashing threads from reading. There the lock of the journal has to do.
  if (Deno.build.os === "windows") return true;
  try {
    return await file.tryLock(true);
  } catch { // some network file systems have no locks
    const message = "the disk has no locks: run no other download to the same file";
    onEvent?.({ type: "notice", message });
    return true;
  }
}

function busyPartialFile(target: string): ConflictError {
  return new ConflictError(`another download to ${target} is under way`, {
    hint: "wait until it has ended, or end it; then run the same command again",
  });
}
