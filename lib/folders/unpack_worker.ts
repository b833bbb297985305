/** The thread that unpacks segments: it decompresses pieces, verifies them, and writes them. @module */
import type { Bytes } from "../content/bytes.ts";
import { writeError } from "../content/file_errors.ts";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";
import { LayerstashError } from "../errors.ts";
import { hasPiece } from "./compare_content.ts";
import { Members } from "./members.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import { openDisk } from "./open_disk.ts";
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
  const members = new Members(bytes, { start, pieces: files.flatMap(({ pieces }) => pieces) });
  for (const file of files) {
    const [piece] = file.pieces;
    if (file.isWhole && file.pieces.length <= 1) {
      unpacking.writer.file(file, piece ? members.content(piece, file.path) : NOTHING);
    } else writeParts(file, members);
  }
  return true;
}

function writeParts(file: SegmentFile, members: Members): void {
  const { root, writer, isResumed } = unpacking;
  try {
    using part = writer.openPart(file.path);
    for (const piece of file.pieces) {
      const extent = { offset: piece.offset, bytes: members.content(piece, file.path) };
      writeExtent(part, extent, { holes: !isResumed });
    }
  } catch (error) {
    throw writeError(error, pathOnDisk(root, file.path));
  }
  if (file.isWhole) writer.complete(file);
}
