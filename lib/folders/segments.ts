/** Cuts packs into segments: what is fetched with one request, and written by one thread. @module */
import type { PackedEntry, Piece } from "./pack_table.ts";
import type { Metadata } from "./restored_metadata.ts";

/** Neighbours in a pack that are fetched together. */
export interface Segment {
  /** The range of the pack. */
  start: number;
  end: number;
  files: SegmentFile[];
}

/** What a thread has to know of a file, and those of its pieces that are in the segment. */
export interface SegmentFile extends Metadata {
  size: number;
  pieces: Piece[];
  /** Its position in its pack. */
  position: number;
  /** Whether all of its pieces are in the segment. */
  isWhole: boolean;
}

/** About how many bytes are fetched with a request: a run that is killed has lost no more for each. */
const SEGMENT = 4 * 1024 * 1024;
/** The most files of a segment. */
const MOST_FILES = 2000;
/**
 * The most bytes between two pieces that are fetched in vain. On a fast line a request takes as long as 256 KiB, but small
 * files between photos would then bring all photos along.
 */
const LONGEST_GAP = 64 * 1024;

/** Cuts files of a pack, in the order of the pack and some at a time, into segments. An empty file belongs to the segment that is under way. */
export async function* segmentsOf(batches: AsyncIterable<PackedEntry[]>): AsyncGenerator<Segment> {
  let segment: Segment = { start: 0, end: 0, files: [] };
  for await (const files of batches) {
    for (const [file, piece] of piecesOf(files)) {
      const isFull = segment.files.length > 0 &&
        (segment.files.length >= MOST_FILES || piece && !fits(piece, segment));
      if (isFull) {
        yield segment;
        segment = { start: 0, end: 0, files: [] };
      }
      add(segment, file, piece);
    }
  }
  if (segment.files.length > 0) yield segment;
}

/** Each piece with its file; an empty file has none. */
function* piecesOf(files: readonly PackedEntry[]): Generator<[PackedEntry, Piece | undefined]> {
  for (const file of files) {
    if (file.pieces.length === 0) yield [file, undefined];
    for (const piece of file.pieces) yield [file, piece];
  }
}

function fits(piece: Piece, { start, end }: Segment): boolean {
  return end === 0 || piece.start - end <= LONGEST_GAP && piece.end - start <= SEGMENT;
}

function add(segment: Segment, file: PackedEntry, piece: Piece | undefined): void {
  let last = segment.files.at(-1);
  if (last?.position !== file.position) {
    const { path, mode, uid, gid, modified, exactTime, attributes, size, position } = file;
    last = { path, mode, uid, gid, modified, size, position, pieces: [], isWhole: file.pieces.length === 0 };
    if (exactTime) last.exactTime = exactTime;
    if (attributes) last.attributes = attributes;
    segment.files.push(last);
  }
  if (!piece) return;
  if (segment.end === 0) segment.start = piece.start;
  segment.end = Math.max(segment.end, piece.end);
  last.pieces.push(piece);
  last.isWhole = last.pieces.length === file.pieces.length;
}
