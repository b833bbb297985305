/** The thread that writes a pack: it reads the files, compresses them, and gives what becomes a layer. @module */
import type { Bytes } from "../content/bytes.ts";
import { denied } from "../content/file_errors.ts";
import { type ErrorKind, LayerstashError, MismatchError } from "../errors.ts";
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import type { FoundEntry } from "./entry_list.ts";
import { openDisk } from "./open_disk.ts";
import { type PackFacts, PackWriter, PIECE } from "./pack_writer.ts";

/** The first message to the thread. */
export interface PackOrder {
  type: "pack";
  /** The directory on the disk. */
  root: string;
}

/** The next entries, which the thread has asked for: not all at once, because there may be many. */
export interface PackBatch {
  type: "entries";
  /** None = there are no more. */
  entries: readonly FoundEntry[];
}

/** What the thread says: that it wants entries; and at last what was written, or why it could not be. */
export type PackReport =
  | { type: "more" }
  | { type: "written"; facts: PackFacts; unreadable: string[] }
  | { type: "failed"; kind: ErrorKind; message: string; hint: string | undefined };

declare const self: {
  onmessage: (event: MessageEvent<PackOrder | PackBatch | PortMessage>) => void;
  postMessage(message: PortMessage | PackReport, transfer?: ArrayBuffer[]): void;
};

const port = new BytePort(self);
const piece = new Uint8Array(PIECE);

let arrived = Promise.withResolvers<PackBatch>();

/** The entries of the pack, as they come. */
async function* ordered(): AsyncGenerator<readonly FoundEntry[]> {
  for (;;) {
    self.postMessage({ type: "more" });
    const { entries } = await arrived.promise;
    arrived = Promise.withResolvers();
    if (entries.length === 0) return;
    yield entries;
  }
}

async function obey({ root }: PackOrder): Promise<void> {
  const unreadable = new Set<string>();
  const writer = new PackWriter();
  using disk = openDisk();
  const reader = { disk, root, unreadable };
  try {
    await port.send(async function* () {
      yield* written({ writer, ...reader });
      const facts = yield* writer.end();
      self.postMessage({ type: "written", facts, unreadable: [...unreadable] });
    }());
  } catch (error) {
    const { kind, message, hint } = error instanceof LayerstashError
      ? error
      : new LayerstashError(`${error}`);
    self.postMessage({ type: "failed", kind, message, hint });
  }
}

/** What writing the entries takes. */
interface Writing {
  writer: PackWriter;
  disk: Disk;
  root: string;
  /** Receives the paths of files that may not be read. They are left out, with their links. */
  unreadable: Set<string>;
}

async function* written(writing: Writing): AsyncGenerator<Bytes> {
  yield* writing.writer.begin();
  for await (const entries of ordered()) {
    for (const entry of entries) yield* writtenEntry(entry, writing);
  }
}

function* writtenEntry(entry: FoundEntry, { writer, disk, root, unreadable }: Writing): Generator<Bytes> {
  if (entry.type === "hardlink" && unreadable.has(entry.target!)) {
    unreadable.add(entry.path);
  } else if (entry.type !== "file") yield* writer.add(entry);
  else {
    using file = openReadable(disk, pathOnDisk(root, entry.path));
    if (!file) return void unreadable.add(entry.path);
    yield* writer.file(entry, contentOf(file, entry));
    requireUnchanged(disk, root, entry);
  }
}

/** Opens a file; `undefined` = it may not be read. */
function openReadable(disk: Disk, path: string): Deno.FsFile | undefined {
  try {
    return disk.open(path);
  } catch (error) {
    if (denied(error, "")) return undefined;
    if (error instanceof Deno.errors.NotFound) throw changedFile(path, "removed");
    throw error;
  }
}

/** The bytes of a file, in pieces of one buffer. */
function* contentOf(file: Deno.FsFile, { path, size, inode }: FoundEntry): Generator<Bytes> {
  if (file.statSync().ino !== inode && Deno.build.os !== "windows") throw changedFile(path, "replaced");
  for (let left = size; left > 0;) {
    const wanted = Math.min(PIECE, left);
    let filled = 0;
    while (filled < wanted) {
      const read = file.readSync(piece.subarray(filled, wanted));
      if (!read) throw changedFile(path, "changed");
      filled += read;
    }
    left -= filled;
    yield piece.subarray(0, filled);
  }
}

/** A file that was written to while it was read may have bytes of two states. */
function requireUnchanged(disk: Disk, root: string, entry: FoundEntry): void {
  const { size, seconds, nanoseconds, changed, inode } = disk.stat(pathOnDisk(root, entry.path));
  const isSame = size === entry.size && seconds === entry.seconds && nanoseconds === entry.nanoseconds &&
    changed === entry.changed && inode === entry.inode;
  if (!isSame) throw changedFile(entry.path, "changed");
}

function changedFile(path: string, how: string): MismatchError {
  return new MismatchError(`${path} was ${how} while the folder was stored`, {
    hint: "the folder was not completed: store it again when nothing writes to it",
  });
}

self.onmessage = ({ data }) => {
  if (data.type === "pack") obey(data);
  else if (data.type === "entries") arrived.resolve(data);
  else port.hear(data);
};
