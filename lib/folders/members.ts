/** Decompresses the gzip members of a pack, and verifies what they hold. @module */
import { gunzipSync, inflateRawSync } from "node:zlib";
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import { LARGEST_MEMBER, type Piece } from "./pack_table.ts";

/** How much neighbours hold that are decompressed at once, in bytes; a member of more is decompressed alone. */
const TOGETHER = 1024 * 1024;
const SMALL = 64 * 1024;
/** The size of a gzip member's header that has nothing optional, and of the length of what it holds, at its end. */
const [HEADER, LENGTH] = [10, 4];

/** The gzip members in a range of a pack. */
export class Members {
  readonly #bytes: Bytes;
  readonly #start: number;
  readonly #pieces: readonly Piece[];
  /** The last one that was decompressed alone: small files may share one. */
  #last: { start: number; content: Bytes } | undefined;
  /** What neighbours hold, by where they begin. */
  #together = new Map<number, Bytes>();
  #next = 0;

  /** @param range where the bytes begin in the pack, and the pieces that are asked for, in their order */
  constructor(bytes: Bytes, { start, pieces }: { start: number; pieces: readonly Piece[] }) {
    [this.#bytes, this.#start, this.#pieces] = [bytes, start, pieces];
  }

  /**
   * The bytes of a piece, verified.
   *
   * @throws {MismatchError} if they are damaged
   */
  content(piece: Piece, path: string): Bytes {
    const { start, skip, length, digest } = piece;
    const content = this.#amongNeighbours(piece)?.subarray(skip, skip + length);
    if (content?.length === length && digestOf(content) === digest) return content;
    if (this.#last?.start !== start) this.#last = { start, content: this.#alone(piece, path) };
    const own = this.#last.content.subarray(skip, skip + length);
    if (own.length === length && digestOf(own) === digest) return own;
    throw damaged(path);
  }

  /** What a small member holds. To begin anew for each would take longer than the bytes. */
  #amongNeighbours({ start }: Piece): Bytes | undefined {
    while (this.#next < this.#pieces.length && this.#pieces[this.#next]!.start <= start) {
      this.#decompressTogether();
    }
    return this.#together.get(start);
  }

  /** Decompresses the next neighbours. Where another member comes between them, the lengths do not add up: then none is kept. */
  #decompressTogether(): void {
    this.#together.clear();
    const lengths = new Map<number, number>();
    const { start: from } = this.#pieces[this.#next]!;
    let [end, total] = [from, 0];
    for (let piece; (piece = this.#pieces[this.#next]) && total < TOGETHER; this.#next++) {
      if (lengths.has(piece.start)) continue;
      const length = this.#lengthOf(piece);
      if (piece.start !== end || length > SMALL) break;
      lengths.set(piece.start, length);
      [end, total] = [piece.end, total + length];
    }
    if (lengths.size === 0) return void this.#next++;
    const content = unpacked(this.#bytes.subarray(from - this.#start, end - this.#start), total);
    if (content?.length !== total) return;
    let at = 0;
    for (const [start, length] of lengths) this.#together.set(start, content.subarray(at, at += length));
  }

  /** What a member says at its end of how much it holds. */
  #lengthOf({ end }: Piece): number {
    const at = end - this.#start - LENGTH;
    if (at < 0 || at + LENGTH > this.#bytes.length) return Infinity;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at).getUint32(0, true);
  }

  /** Decompresses one member. Its digest is checked in the place of its checksum. */
  #alone({ start, end, skip, length }: Piece, path: string): Bytes {
    const packed = this.#bytes.subarray(start - this.#start, end - this.#start);
    const isPlain = packed[0] === 0x1f && packed[1] === 0x8b && packed[2] === 8 && packed[3] === 0;
    if (!isPlain) throw damaged(path);
    try {
      const chunkSize = Math.min(Math.max(64, skip + length), LARGEST_MEMBER);
      const options = { chunkSize, maxOutputLength: LARGEST_MEMBER };
      return viewOfBuffer(inflateRawSync(packed.subarray(HEADER), options));
    } catch (error) {
      throw damaged(path, error);
    }
  }
}

/** What gzip members hold together; `undefined` if that is more than is expected, or they are damaged. */
function unpacked(packed: Bytes, expected: number): Bytes | undefined {
  try {
    return viewOfBuffer(gunzipSync(packed, { chunkSize: expected + 64, maxOutputLength: expected + 64 }));
  } catch {
    return undefined;
  }
}

function viewOfBuffer({ buffer, byteOffset, length }: ReturnType<typeof gunzipSync>): Bytes {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}

function damaged(path: string, cause?: unknown): MismatchError {
  return new MismatchError(`${path} is corrupted: its digest is not the one in the table of contents`, {
    cause,
  });
}
