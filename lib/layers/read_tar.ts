/** Reads a tar archive, entry by entry, as its bytes come. @module */
import { LayerstashError, MismatchError } from "../errors.ts";
import { type Entry, type EntryType, type Extent, type OpenEntry, placeOf, requireName } from "./entry.ts";
import { parsePax, type PaxAttributes, paxNumber, type PaxRecord, paxText } from "./pax.ts";
import { readOldMap, readPaxMap, requireSound, type SparseMap } from "./sparse_map.ts";
import { BLOCK, decodeHeader, isHeader, isZeroBlock, type TarHeader } from "./tar_header.ts";
import { textOf } from "./tar_field.ts";
import type { TarInput } from "./tar_input.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What was to be read is no archive at all. */
export class NoArchiveError extends MismatchError {}

/** Long names and attributes are held in memory: so many bytes of them at most, as in Go's archive/tar. */
const LARGEST_EXTENSION = 1024 * 1024;

const TYPES: Readonly<Record<string, EntryType>> = {
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  D: "directory",
};

/** What came before an entry and holds for it. */
interface Extensions {
  name?: string;
  target?: string;
  records: PaxRecord[];
}

/** How the bytes of an entry lie in the archive. */
interface Stored {
  /** Bytes that follow. */
  size: number;
  sparse?: SparseMap | undefined;
}

/**
 * Reads the entries of an archive. Each is there until the next is asked for; bytes that nobody reads are passed over.
 * PAX and GNU extensions, binary numbers (files over 8 GiB) and all kinds of sparse files are understood.
 *
 * @throws {NoArchiveError} when it is no tar archive
 * @throws {MismatchError} when it is damaged or torn off
 */
export async function* readTar(input: TarInput): AsyncGenerator<OpenEntry> {
  let global: readonly PaxRecord[] = [];
  let own: Extensions = { records: [] };
  for (let start = input.position;;) {
    const header = await nextHeader(input);
    if (!header) return;
    if (header.flag === "g") global = together(global, parsePax(await readExtension(input, header)));
    else if (isExtension(header)) await takeExtension(own, input, header);
    else if (header.flag === "V") await input.skip(padded(header.size)); // the name of a volume
    else {
      yield* readEntry(header, { global, own, start }, input);
      own = { records: [] };
      start = input.position;
    }
  }
}

/**
 * The archive ends with two blocks of zeros; that one or both are missing is common. What comes behind a single one is
 * no part of it for some readers, and is for others: Go's archive/tar refuses it, and so do we.
 */
async function nextHeader(input: TarInput): Promise<TarHeader | undefined> {
  const block = input.position === 0 ? await firstBlock(input) : await input.readOrEnd(BLOCK);
  if (!block || !isZeroBlock(block)) return block && decodeHeader(block);
  const second = await input.readOrEnd(BLOCK);
  if (!second || isZeroBlock(second)) return undefined;
  throw new MismatchError("the tar archive goes on behind its end");
}

/** What begins with anything but a header is something else, and not torn off or damaged. */
async function firstBlock(input: TarInput): Promise<Bytes | undefined> {
  const block = await input.readSome(BLOCK);
  if (block.length === 0) return undefined;
  if (block.length === BLOCK && (isZeroBlock(block) || isHeader(block))) return block;
  throw new NoArchiveError("this is no tar archive");
}

/** Attributes that hold for all entries from here on; a later one takes the place of an earlier. */
function together(older: readonly PaxRecord[], newer: readonly PaxRecord[]): PaxRecord[] {
  const all = [...new Map([...older, ...newer])];
  const size = all.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size <= LARGEST_EXTENSION) return all;
  throw new MismatchError("the tar archive has too many attributes for all entries");
}

function isExtension({ flag }: TarHeader): boolean {
  return "xXLK".includes(flag);
}

async function takeExtension(own: Extensions, input: TarInput, header: TarHeader): Promise<void> {
  const bytes = await readExtension(input, header);
  if (header.flag === "L") own.name = textOf(bytes);
  else if (header.flag === "K") own.target = textOf(bytes);
  else own.records = parsePax(bytes);
}

async function readExtension(input: TarInput, { size }: TarHeader): Promise<Bytes> {
  if (size > LARGEST_EXTENSION) {
    throw new MismatchError(`the tar archive announces a name or attributes of ${size} bytes`);
  }
  return (await input.read(padded(size))).subarray(0, size);
}

async function* readEntry(
  header: TarHeader,
  { global, own, start }: { global: readonly PaxRecord[]; own: Extensions; start: number },
  input: TarInput,
): AsyncGenerator<OpenEntry> {
  const records = [...global, ...own.records];
  const attributes: PaxAttributes = new Map(records);
  const entry = describe(header, attributes, own, start);
  const stored = await storedBytes(header, entry, { attributes, records }, input);
  entry.size = entry.type === "file" ? stored.sparse?.realSize ?? stored.size : 0;
  const before = input.position;
  let open = true;
  const extents = () => {
    if (!open) throw new LayerstashError(`the bytes of ${entry.path} cannot be read any more`);
    open = false;
    return entry.type === "file" ? readExtents(input, stored) : noExtents();
  };
  yield { ...entry, extents };
  open = false;
  await input.skip(padded(stored.size) - (input.position - before));
}

function describe(header: TarHeader, attributes: PaxAttributes, own: Extensions, position: number): Entry {
  const named = paxText(attributes, "GNU.sparse.name") ?? paxText(attributes, "path");
  const name = requireName(own.name ?? named ?? header.name);
  const type = typeOf(header, name);
  const target = requireName(own.target ?? paxText(attributes, "linkpath") ?? header.target);
  const extended = extendedAttributes(attributes);
  return {
    path: placeOf(name),
    name,
    type,
    mode: header.mode & 0o7777,
    uid: paxNumber(attributes, "uid") ?? header.uid,
    gid: paxNumber(attributes, "gid") ?? header.gid,
    owner: paxText(attributes, "uname") ?? header.owner,
    group: paxText(attributes, "gname") ?? header.group,
    size: 0,
    modified: paxNumber(attributes, "mtime") ?? header.modified,
    ...((type === "symlink" || type === "hardlink") && { target }),
    ...(type.endsWith("device") && { device: header.device }),
    ...(extended && { attributes: extended }),
    position,
  };
}

/** Archives from before POSIX have no directories, but names that end with a slash. */
function typeOf({ flag }: TarHeader, name: string): EntryType {
  if (flag === "M") throw new MismatchError("the tar archive is one volume of several");
  return TYPES[flag] ?? (flag === "0" && name.endsWith("/") ? "directory" : "file");
}

async function storedBytes(
  header: TarHeader,
  { type }: Entry,
  pax: { attributes: PaxAttributes; records: PaxRecord[] },
  input: TarInput,
): Promise<Stored> {
  // As in Go's archive/tar, which every container engine uses: what has no bytes has none, whatever its header says.
  if (type !== "file" && header.flag !== "D") return { size: 0 };
  const size = paxNumber(pax.attributes, "size") ?? header.size;
  const old = header.sparse && await readOldMap(header.sparse, input);
  const found = old ? { map: old, mapSize: 0 } : await readPaxMap(pax, input);
  const stored = size - (found?.mapSize ?? 0);
  if (found) requireSound(found.map, stored);
  return { size: stored, sparse: found?.map };
}

async function* readExtents(input: TarInput, { size, sparse }: Stored): AsyncGenerator<Extent> {
  for (const { offset, length } of sparse?.parts ?? [{ offset: 0, length: size }]) {
    let at = offset;
    for await (const bytes of input.pieces(length)) {
      yield { offset: at, bytes };
      at += bytes.length;
    }
  }
}

async function* noExtents(): AsyncGenerator<Extent> {}

const ATTRIBUTE = "SCHILY.xattr.";

function extendedAttributes(attributes: PaxAttributes): Entry["attributes"] {
  const found = [...attributes].filter(([key]) => key.startsWith(ATTRIBUTE));
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map(([key, value]) => [key.slice(ATTRIBUTE.length), value.slice()]));
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
