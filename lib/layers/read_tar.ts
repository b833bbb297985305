/** Reads a tar archive as a stream, entry by entry. @module */
import type { Bytes } from "../content/bytes.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { type Entry, type Extent, normalPath, type OpenEntry, requireName } from "./entry.ts";
import { parsePax, type PaxAttributes, type PaxRecord, paxSize } from "./pax.ts";
import { type PaxSparse, readOldMap, readPaxSparse, requireSound, type SparseMap } from "./sparse_map.ts";
import { archiveEntry, type Extensions } from "./tar_entry.ts";
import { BLOCK, decodeHeader, isHeader, isZeroBlock, type TarHeader } from "./tar_header.ts";
import { fieldText } from "./tar_field.ts";
import type { TarInput } from "./tar_input.ts";

/** The input does not begin like a tar archive. */
export class NotAnArchiveError extends MismatchError {}

/** The most bytes of long names or attributes that are held in memory. Go's archive/tar has the same limit. */
const LARGEST_EXTENSION = 1024 * 1024;

/** What a reader learns of an archive beside its entries. */
export interface TarObserver {
  /** Called where the padding of the last file is missing. */
  onTorn?: () => void;
  /** Called with each header, also those of extensions. */
  onHeader?: (header: TarHeader) => void;
  /** Called with the pax attributes of the next entry. */
  onRecords?: (records: readonly PaxRecord[]) => void;
}

/** How the content of an entry is stored in the archive. */
interface StoredContent {
  /** The number of bytes that follow the header. */
  size: number;
  sparse?: SparseMap | undefined;
  /** The name of a sparse file whose header has another. */
  sparseName?: string | undefined;
}

/**
 * Reads the entries of an archive. Each is valid until the next is requested; contents that nobody reads are skipped.
 * Supports pax and GNU extensions, binary numbers (files over 8 GiB) and all kinds of sparse files.
 *
 * Where readers disagree, it reads as Go's archive/tar does, because container engines use that: attributes for all entries
 * (pax global headers) are passed over, and the padding of the last file may be missing.
 *
 * @throws {NotAnArchiveError} if the input is not a tar archive
 * @throws {MismatchError} if it is damaged or truncated
 */
export async function* readTar(input: TarInput, observer: TarObserver = {}): AsyncGenerator<OpenEntry> {
  let own: Extensions = { records: [] };
  for (let start = input.position;;) {
    const header = await nextHeader(input);
    if (!header) return;
    observer.onHeader?.(header);
    if (isExtension(header)) {
      await takeExtension(own, input, header);
      if (own.records.length > 0) observer.onRecords?.(own.records);
      continue;
    }
    if ("gV".includes(header.flag)) await skipPassedOver(input, header);
    else yield* readEntry(header, { own, start, observer }, input);
    own = { records: [] };
    start = input.position;
  }
}

/**
 * Reads the next header; `undefined` at the archive's end, which is two blocks of zeros. One or both are often missing.
 * An entry after a single block of zeros is an error, as in Go's archive/tar, because readers disagree on whether it
 * belongs to the archive.
 */
async function nextHeader(input: TarInput): Promise<TarHeader | undefined> {
  const block = input.position === 0 ? await firstBlock(input) : await nextBlock(input);
  if (!block || !isZeroBlock(block)) return block && decodeHeader(block);
  const second = await input.readOrEnd(BLOCK);
  if (!second || isZeroBlock(second)) return undefined;
  throw new MismatchError("the tar archive continues after its end");
}

/** The next block, valid until something else is read; `undefined` at the end of the input. */
function nextBlock(input: TarInput): Bytes | Promise<Bytes | undefined> {
  return input.arrived(BLOCK) ?? input.readOrEnd(BLOCK);
}

/** Reads the first block. If it is not a header, the input is not an archive, rather than a damaged one. */
async function firstBlock(input: TarInput): Promise<Bytes | undefined> {
  const block = await input.readSome(BLOCK);
  if (block.length === 0) return undefined;
  if (block.length === BLOCK && (isZeroBlock(block) || isHeader(block))) return block;
  throw new NotAnArchiveError("this is not a tar archive");
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
  const bytes = await input.read(size);
  await input.readSome(padded(size) - size);
  return bytes;
}

/** Skips attributes of all entries, or the name of a volume. */
async function skipPassedOver(input: TarInput, { size }: TarHeader): Promise<void> {
  await input.skip(size);
  await input.readSome(padded(size) - size);
}

async function* readEntry(
  header: TarHeader,
  { own, start, observer }: { own: Extensions; start: number; observer: TarObserver },
  input: TarInput,
): AsyncGenerator<OpenEntry> {
  const attributes: PaxAttributes = new Map(own.records);
  const entry = archiveEntry(header, attributes, own, start);
  const stored = await storedContent(header, entry, { attributes, records: own.records }, input);
  rename(entry, stored.sparseName ?? entry.name);
  entry.size = entry.type === "file" ? stored.sparse?.realSize ?? stored.size : 0;
  if (stored.sparse) entry.sparse = true;
  const before = input.position;
  let open = true;
  const extents = () => {
    if (!open) throw new LayerstashError(`the content of ${entry.path} can no longer be read`);
    open = false;
    return entry.type === "file" ? readExtents(input, stored) : [];
  };
  yield { ...entry, extents };
  open = false;
  const left = stored.size - (input.position - before);
  if (!input.arrived(left)) await input.skip(left);
  const padding = padded(stored.size) - stored.size;
  if (!input.arrived(padding) && (await input.readSome(padding)).length < padding) observer.onTorn?.();
}

function rename(entry: Entry, name: string): void {
  [entry.name, entry.path] = [requireName(name), normalPath(name)];
}

async function storedContent(
  header: TarHeader,
  { type }: Entry,
  pax: { attributes: PaxAttributes; records: PaxRecord[] },
  input: TarInput,
): Promise<StoredContent> {
  // As in Go's archive/tar, which container engines use: links and devices have no content, whatever the header says.
  if (type !== "file" && header.flag !== "D") return { size: 0 };
  const size = paxSize(pax.attributes, "size") ?? header.size;
  const old = header.sparse && await readOldMap(header.sparse, input);
  const found: Partial<PaxSparse> | undefined = old
    ? { map: old }
    : await readPaxSparse(pax, { stored: size, input });
  const stored = size - (found?.mapSize ?? 0);
  if (found?.map) requireSound(found.map, stored);
  return { size: stored, sparse: found?.map, sparseName: found?.name };
}

/** The content of a file: in one piece where all of it has arrived. */
function readExtents(input: TarInput, stored: StoredContent): ReturnType<OpenEntry["extents"]> {
  const bytes = stored.sparse ? undefined : input.arrived(stored.size);
  return bytes ? [{ offset: 0, bytes }] : readInPieces(input, stored);
}

async function* readInPieces(input: TarInput, { size, sparse }: StoredContent): AsyncGenerator<Extent> {
  for (const { offset, length } of sparse?.extents ?? [{ offset: 0, length: size }]) {
    let at = offset;
    for await (const bytes of input.pieces(length)) {
      yield { offset: at, bytes };
      at += bytes.length;
    }
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
