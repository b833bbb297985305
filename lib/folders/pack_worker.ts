/** The thread that writes a pack: it reads the files, compresses them, and gives what becomes a layer. @module */
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import { type Bytes, free } from "../content/bytes.ts";
import { denied } from "../content/file_errors.ts";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";
import { MismatchError } from "../errors.ts";
import { type Disk, type DiskEntry, type OpenFile, pathOnDisk } from "./disk.ts";
import { type FoundEntry, readRows } from "./entry_rows.ts";
import { openDisk } from "./open_disk.ts";
import { type PackFacts, PackWriter, PIECE } from "./pack_writer.ts";

/** The message that begins a pack. The one before it is done. */
export interface PackOrder {
  type: "pack";
  /** The directory on the disk. */
  root: string;
}

/** The next entries, which the thread has asked for: not all at once, because there may be many. */
export interface PackBatch {
  type: "rows";
  /** Their rows; `undefined` = there are no more. */
  rows: Bytes | undefined;
}

/** What the thread says: that it wants entries; how much more it has packed; at last what was written, or why it could not be. */
export type PackReport =
  | { type: "more" }
  | { type: "packed"; files: number; bytes: number }
  | { type: "written"; facts: PackFacts; unreadable: string[] }
  | ThreadFailure;

declare const self: {
  onmessage: (event: MessageEvent<PackOrder | PackBatch | PortMessage>) => void;
  postMessage(message: PortMessage | PackReport, transfer?: ArrayBuffer[]): void;
  gc?(): void;
};

const port = new BytePort(self);

let arrived = Promise.withResolvers<PackBatch>();

/** The rows of the pack, as they come. */
async function* orderedRows(): AsyncGenerator<Bytes> {
  for (;;) {
    self.postMessage({ type: "more" });
    const { rows } = await arrived.promise;
    arrived = Promise.withResolvers();
    if (!rows) return;
    yield rows;
  }
}

const writer = new PackWriter();

async function obey({ root }: PackOrder): Promise<void> {
  const unreadable = new Set<string>();
  using disk = openDisk();
  const reader = { disk, root, unreadable, packed: { files: 0, bytes: 0 } };
  try {
    await port.send(async function* () {
      yield* written({ writer, ...reader });
      const facts = yield* writer.end();
      self.postMessage({ type: "written", facts, unreadable: [...unreadable] });
    }());
  } catch (error) {
    self.postMessage(failureOf(error));
  }
  // Each hash keeps some bytes until all garbage is collected, of which V8 knows nothing. Built programs can ask for that.
  self.gc?.();
}

/** What writing the entries takes. */
interface Writing {
  writer: PackWriter;
  disk: Disk;
  root: string;
  /** Receives the paths of files that may not be read. They are left out, with their links. */
  unreadable: Set<string>;
  /** What was packed since that was reported last. */
  packed: { files: number; bytes: number };
}

/** How much is packed before it is reported: a message takes time. */
const REPORTED = { files: 1000, bytes: PIECE };

function count({ packed }: Writing, files: number, bytes: number): void {
  packed.files += files;
  packed.bytes += bytes;
  if (packed.files < REPORTED.files && packed.bytes < REPORTED.bytes) return;
  self.postMessage({ type: "packed", ...packed });
  [packed.files, packed.bytes] = [0, 0];
}

async function* written(writing: Writing): AsyncGenerator<Bytes> {
  yield* writing.writer.begin();
  for await (const rows of orderedRows()) yield* writtenRows(rows, writing);
}

function* writtenRows(rows: Bytes, writing: Writing): Generator<Bytes> {
  for (const entry of readRows(rows)) yield* writtenEntry(entry, writing);
  free(rows);
}

function* writtenEntry(entry: FoundEntry, writing: Writing): Generator<Bytes> {
  const { writer, disk, root, unreadable } = writing;
  if (entry.type === "hardlink" && unreadable.has(entry.target!)) {
    unreadable.add(entry.path);
  } else if (entry.type !== "file") yield* writer.add(entry);
  else {
    using file = openReadable(disk, root, entry);
    if (!file) return void unreadable.add(entry.path);
    const attributes = file.attributes();
    yield* writer.file(attributes ? { ...entry, attributes } : entry, (into) => {
      readWhole(file, into, entry);
      count(writing, 0, into.length);
    });
    requireSame(file.stat(), entry);
  }
  if (entry.type !== "directory") count(writing, 1, 0);
}

/** Opens a file; `undefined` = it may not be read. */
function openReadable(disk: Disk, root: string, { path }: FoundEntry): OpenFile | undefined {
  try {
    return disk.open(pathOnDisk(root, path));
  } catch (error) {
    if (denied(error, "")) return undefined;
    if (error instanceof Deno.errors.NotFound) throw changedFile(path, "removed");
    throw error;
  }
}

function readWhole(file: OpenFile, into: Bytes, entry: FoundEntry): void {
  try {
    for (let filled = file.read(into); filled < into.length;) {
      const read = file.read(into.subarray(filled));
      if (read === 0) throw changedFile(entry.path, "changed");
      filled += read;
    }
  } catch (error) {
    requireSame(file.stat(), entry); // something else than the file may be open
    throw error;
  }
}

/** A file that was written to since the walk may have bytes of two states. */
function requireSame(found: DiskEntry, entry: FoundEntry): void {
  if (found.kind !== "file" || Number(found.inode) !== entry.inode) throw changedFile(entry.path, "replaced");
  const isSame = found.size === entry.size && found.seconds === entry.seconds &&
    found.nanoseconds === entry.nanoseconds && found.changed === entry.changed;
  if (!isSame) throw changedFile(entry.path, "changed");
}

function changedFile(path: string, how: string): MismatchError {
  return new MismatchError(`${path} was ${how} while the folder was stored`, {
    hint: "the folder was not completed: store it again when nothing writes to it",
  });
}

self.onmessage = ({ data }) => {
  if (data.type === "pack") obey(data);
  else if (data.type === "rows") arrived.resolve(data);
  else port.hear(data);
};
