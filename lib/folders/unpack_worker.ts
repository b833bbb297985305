/** The thread that unpacks segments: it decompresses pieces, verifies them, and writes them. @module */
import { inflateRawSync } from "node:zlib";
import type { Bytes } from "../content/bytes.ts";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import { hasPiece } from "./compare_content.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import { openDisk } from "./open_disk.ts";
import { LARGEST_MEMBER, type Piece } from "./pack_table.ts";
import type { Segment, SegmentFile } from "./segments.ts";
import { writeExtent } from "./extents.ts";
import { TreeWriter } from "./tree_writer.ts";

/** Where segments are unpacked: the same in all orders. */
export interface UnpackTarget {
  /** The directory below which files are written. */
  root: string;
  sameOwner: boolean;
  /** Whether files may be there, which an interrupted run has left. */
  isResumed: boolean;
}

/** A segment to be written; without its bytes, to be looked for among what is there. */
export interface UnpackOrder extends UnpackTarget {
  segment: Segment;
  bytes?: Bytes | undefined;
}

/** What comes of an order. */
export interface Unpacked {
  /** Whether everything of the segment is there. */
  isThere: boolean;
  /** How many extended attributes could not be set. */
  lostAttributes: number;
  /** The buffer that the bytes had. */
  buffer?: ArrayBuffer | undefined;
}

declare const self: {
  onmessage: (event: MessageEvent<UnpackOrder>) => void;
  postMessage(message: Unpacked | ThreadFailure, transfer?: ArrayBuffer[]): void;
};

/** What unpacking takes. */
interface Unpacking extends UnpackTarget {
  disk: Disk;
  writer: TreeWriter;
}

/** Begun with the first order. */
let unpacking: Unpacking;

self.onmessage = ({ data }) => {
  try {
    unpacking ??= begin(data);
    const isThere = data.bytes ? write(data.segment, data.bytes) : isComplete(data.segment);
    const { writer } = unpacking;
    const { lostAttributes } = writer;
    const buffer = data.bytes?.buffer;
    self.postMessage({ isThere, lostAttributes, buffer }, buffer ? [buffer] : []);
    writer.lostAttributes = 0;
  } catch (error) {
    const isOurs = error instanceof LayerstashError;
    self.postMessage(
      failureOf(isOurs ? error : new LayerstashError(`the folder cannot be unpacked: ${error}`)),
    );
  }
};

function begin({ root, sameOwner, isResumed }: UnpackTarget): Unpacking {
  const disk = openDisk();
  return {
    root,
    sameOwner,
    isResumed,
    disk,
    writer: new TreeWriter(root, { disk, sameOwner, isStaged: true }),
  };
}

/** Whether all pieces of a segment are in their places. What is whole gets its metadata again. */
function isComplete({ files }: Segment): boolean {
  const { disk, root, writer } = unpacking;
  for (const file of files) {
    if (!file.pieces.every((piece) => hasPiece(disk, pathOnDisk(root, file.path), piece))) return false;
    if (file.size === 0) writer.file(file, NOTHING);
    else if (file.isWhole) writer.complete(file);
  }
  return true;
}

const NOTHING: Bytes = new Uint8Array();

function write({ files, start }: Segment, bytes: Bytes): boolean {
  const members = new Members(bytes, start);
  for (const file of files) {
    const [piece] = file.pieces;
    if (file.isWhole && file.pieces.length <= 1) {
      unpacking.writer.file(file, piece ? members.content(piece, file) : NOTHING);
    } else writeParts(file, members);
  }
  return true;
}

function writeParts(file: SegmentFile, members: Members): void {
  const { writer, isResumed } = unpacking;
  {
    using part = writer.openPart(file.path);
    for (const piece of file.pieces) {
      const extent = { offset: piece.offset, bytes: members.content(piece, file) };
      writeExtent(part, extent, { holes: !isResumed });
    }
  }
  if (file.isWhole) writer.complete(file);
}

/** The gzip members in a range of a pack. */
class Members {
  readonly #bytes: Bytes;
  readonly #start: number;
  /** The last one that was decompressed: small files may share one. */
  #last: { start: number; content: Bytes } | undefined;

  constructor(bytes: Bytes, start: number) {
    [this.#bytes, this.#start] = [bytes, start];
  }

  /** The bytes of a piece, verified. */
  content({ start, end, skip, length, digest }: Piece, { path }: SegmentFile): Bytes {
    if (this.#last?.start !== start) {
      const packed = this.#bytes.subarray(start - this.#start, end - this.#start);
      this.#last = { start, content: decompressed(packed, { path, expected: skip + length }) };
    }
    const content = this.#last.content.subarray(skip, skip + length);
    if (content.length === length && digestOf(content) === digest) return content;
    throw damaged(path);
  }
}

/** The size of a gzip member's header that has nothing optional. */
const HEADER = 10;

/** Decompresses the first gzip member of some bytes. Its digest is checked in the place of its checksum. */
function decompressed(packed: Bytes, { path, expected }: { path: string; expected: number }): Bytes {
  const isPlain = packed[0] === 0x1f && packed[1] === 0x8b && packed[2] === 8 && packed[3] === 0;
  if (!isPlain) throw damaged(path);
  try {
    const chunkSize = Math.min(Math.max(64, expected), LARGEST_MEMBER);
    const options = { chunkSize, maxOutputLength: LARGEST_MEMBER };
    const { buffer, byteOffset, length } = inflateRawSync(packed.subarray(HEADER), options);
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
  } catch (error) {
    throw damaged(path, error);
  }
}

function damaged(path: string, cause?: unknown): MismatchError {
  return new MismatchError(`${path} is corrupted: its digest is not the one in the table of contents`, {
    cause,
  });
}
