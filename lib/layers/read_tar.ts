/** Reads a tar archive as a stream, entry by entry. @module */
import type { Bytes } from "../content/bytes.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { type Entry, type EntryType, type Extent, normalPath, type OpenEntry, requireName } from "./entry.ts";
import { parsePax, type PaxAttributes, paxNumber, type PaxRecord, paxText } from "./pax.ts";
import { readOldMap, readPaxMap, requireSound, type SparseMap } from "./sparse_map.ts";
import { BLOCK, decodeHeader, isHeader, isZeroBlock, type TarHeader } from "./tar_header.ts";
import { fieldText } from "./tar_field.ts";
import type { TarInput } from "./tar_input.ts";

/** The input does not begin like a tar archive. */
export class NotAnArchiveError extends MismatchError {}

/** The most bytes of long names or attributes that are held in memory. Go's archive/tar has the same limit. */
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

/** The extension headers that precede an entry. */
interface Extensions {
  name?: string;
  target?: string;
  records: PaxRecord[];
}

/** How the content of an entry is stored in the archive. */
interface StoredContent {
  /** The number of bytes that follow the header. */
  size: number;
  sparse?: SparseMap | undefined;
}

/**
 * Reads the entries of an archive. Each is valid until the next is requested; contents that nobody reads are skipped.
 * Supports pax and GNU extensions, binary numbers (files over 8 GiB) and all kinds of sparse files.
 *
 * @throws {NotAnArchiveError} if the input is not a tar archive
 * @throws {MismatchError} if it is damaged or truncated
 */
export async function* readTar(input: TarInput): AsyncGenerator<OpenEntry> {
  let global: readonly PaxRecord[] = [];
  let own: Extensions = { records: [] };
  for (let start = input.position;;) {
    const header = await nextHeader(input);
    if (!header) return;
    if (header.flag === "g") global = mergeGlobals(global, parsePax(await readExtension(input, header)));
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
 * Reads the next header; `undefined` at the archive's end, which is two blocks of zeros. One or both are often missing.
 * An entry after a single block of zeros is an error, as in Go's archive/tar, because readers disagree on whether it
 * belongs to the archive.
 */
async function nextHeader(input: TarInput): Promise<TarHeader | undefined> {
  const block = input.position === 0 ? await firstBlock(input) : await input.readOrEnd(BLOCK);
  if (!block || !isZeroBlock(block)) return block && decodeHeader(block);
  const second = await input.readOrEnd(BLOCK);
  if (!second || isZeroBlock(second)) return undefined;
  throw new MismatchError("the tar archive continues after its end");
}

/** Reads the first block. If it is not a header, the input is not an archive, rather than a damaged one. */
async function firstBlock(input: TarInput): Promise<Bytes | undefined> {
  const block = await input.readSome(BLOCK);
  if (block.length === 0) return undefined;
  if (block.length === BLOCK && (isZeroBlock(block) || isHeader(block))) return block;
  throw new NotAnArchiveError("this is not a tar archive");
}

/** Merges pax global headers, whose attributes apply to all following entries. A newer value replaces an older one. */
function mergeGlobals(older: readonly PaxRecord[], newer: readonly PaxRecord[]): PaxRecord[] {
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
  if (header.flag === "L") own.name = fieldText(bytes);
  else if (header.flag === "K") own.target = fieldText(bytes);
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
  const entry = archiveEntry(header, attributes, own, start);
  const stored = await storedContent(header, entry, { attributes, records }, input);
  entry.size = entry.type === "file" ? stored.sparse?.realSize ?? stored.size : 0;
  const before = input.position;
  let open = true;
  const extents = () => {
    if (!open) throw new LayerstashError(`the content of ${entry.path} can no longer be read`);
    open = false;
    return entry.type === "file" ? readExtents(input, stored) : noExtents();
  };
  yield { ...entry, extents };
  open = false;
  await input.skip(padded(stored.size) - (input.position - before));
}

function archiveEntry(
  header: TarHeader,
  attributes: PaxAttributes,
  own: Extensions,
  position: number,
): Entry {
  const named = paxText(attributes, "GNU.sparse.name") ?? paxText(attributes, "path");
  const name = requireName(own.name ?? named ?? header.name);
  const type = typeOf(header, name);
  const target = requireName(own.target ?? paxText(attributes, "linkpath") ?? header.target);
  const extended = extendedAttributes(attributes);
  return {
    path: normalPath(name),
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

/** The type of an entry. Archives from before POSIX mark a directory by a slash at the end of its name. */
function typeOf({ flag }: TarHeader, name: string): EntryType {
  if (flag === "M") throw new MismatchError("the tar archive is one volume of several");
  return TYPES[flag] ?? (flag === "0" && name.endsWith("/") ? "directory" : "file");
}

async function storedContent(
  header: TarHeader,
  { type }: Entry,
  pax: { attributes: PaxAttributes; records: PaxRecord[] },
  input: TarInput,
): Promise<StoredContent> {
  // As in Go's archive/tar, which container engines use: links and devices have no content, whatever the header says.
  if (type !== "file" && header.flag !== "D") return { size: 0 };
  const size = paxNumber(pax.attributes, "size") ?? header.size;
  const old = header.sparse && await readOldMap(header.sparse, input);
  const found = old ? { map: old, mapSize: 0 } : await readPaxMap(pax, input);
  const stored = size - (found?.mapSize ?? 0);
  if (found) requireSound(found.map, stored);
  return { size: stored, sparse: found?.map };
}

async function* readExtents(input: TarInput, { size, sparse }: StoredContent): AsyncGenerator<Extent> {
  for (const { offset, length } of sparse?.extents ?? [{ offset: 0, length: size }]) {
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
