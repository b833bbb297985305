/**
 * Writes one layer of a folder as eStargz, from its entries to its footer:
 * https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
 *
 * @module
 */
import type { Bytes } from "../content/bytes.ts";
import { NO_PREFETCH, STARGZ_TABLE } from "../layers/stargz.ts";
import { encodeHeaders, END_OF_ARCHIVE, paddingAfter } from "../layers/write_tar.ts";
import { type Digest, DigestHash, digestOf } from "../oci/digest.ts";
import type { FolderEntry } from "./folder.ts";
import { GzipMembers, stargzFooter, TRIAL } from "./gzip_member.ts";
import { TableWriter } from "./table_writer.ts";

/** What the image says of a finished layer. */
export interface PackFacts {
  /** The digest of the archive, before compression. */
  diffId: Digest;
  /** The digest of the table of contents. */
  table: Digest;
  /** The size of the archive in bytes, before compression. */
  unpacked: number;
}

/** The size of the pieces of a large file, each a gzip member, in bytes. */
export const PIECE: number = 4 * 1024 * 1024;
/** How many bytes of headers share a member, and how many bytes of the archive are hashed at once. */
const MOST_PENDING = 256 * 1024;
/** How many bytes are given at once, where members are small. */
const OUTGOING = 256 * 1024;

/** Says that nothing is to be fetched before it is asked for. Its content is one byte. */
const LANDMARK: FolderEntry = {
  path: NO_PREFETCH,
  type: "file",
  mode: 0o444,
  size: 1,
  seconds: 0,
  nanoseconds: 0,
};
/** The file with the table of contents. */
const TABLE: FolderEntry = { ...LANDMARK, path: STARGZ_TABLE };

/** Writes one layer after the other. Bytes come out of each call, in order; each piece is valid until the next is asked for. */
export class PackWriter {
  #archive = new DigestHash();
  #unpacked = 0;
  /** How many bytes have come out. */
  #written = 0;
  /** What is not hashed yet: up to a position it is in members, and what follows comes into the next one. */
  #pending: Bytes = new Uint8Array(4 * MOST_PENDING);
  #begun = 0;
  #filled = 0;
  /** Whether it is known that compressing the next member gains nothing. */
  #isStored = false;
  /** What has come out, and was not given yet: members of small files are small. */
  readonly #outgoing = new Uint8Array(OUTGOING);
  #gathered = 0;
  readonly #members = new GzipMembers();
  #table = new TableWriter();

  /** Begins a layer: what stands at its beginning. */
  *begin(): Generator<Bytes> {
    [this.#archive, this.#table] = [new DigestHash(), new TableWriter()];
    [this.#unpacked, this.#written] = [0, 0];
    yield* this.file(LANDMARK, (content) => content.fill(0x0f));
  }

  /** Adds a directory, a link or an empty file. */
  *add(entry: FolderEntry): Generator<Bytes> {
    this.#table.add(entry);
    this.#begin(entry);
    if (this.#filled - this.#begun > MOST_PENDING) yield* this.#flush();
  }

  /**
   * Adds a file.
   *
   * @param read fills a buffer with the next bytes of the file
   */
  *file(entry: FolderEntry, read: (into: Bytes) => void): Generator<Bytes> {
    const { size } = entry;
    if (size === 0) return yield* this.add(entry);
    this.#begin(entry);
    for (let at = 0, isStored = false; at < size; at += PIECE) {
      yield* this.#flush();
      const offset = this.#written;
      const piece = this.#room(Math.min(PIECE, size - at));
      read(piece);
      if (at === 0) isStored = size > TRIAL && !this.#members.gains(piece);
      this.#isStored = isStored;
      const place = { offset, digest: digestOf(piece), at, length: piece.length };
      if (at === 0) this.#table.add(entry, place);
      else this.#table.addPiece(entry, place);
    }
    this.#push(paddingAfter(size));
  }

  /** Ends the layer: the table of contents, and the footer that says where it is. */
  *end(): Generator<Bytes, PackFacts> {
    yield* this.#flush();
    yield* this.#sent();
    this.#hash();
    const tableAt = this.#written;
    const rows = this.#table.end();
    const [hash, size] = [new DigestHash(), rows.reduce((sum, { length }) => sum + length, 0)];
    for (const bytes of rows) hash.update(bytes);
    const ending = [encodeHeaders({ ...TABLE, size }), ...rows, paddingAfter(size), END_OF_ARCHIVE];
    for (const bytes of ending) this.#count(bytes);
    yield* this.#members.member(ending);
    for (const { buffer } of rows) buffer.transfer(0); // frees the memory at once
    yield stargzFooter(tableAt);
    return { diffId: this.#archive.digest(), table: hash.digest(), unpacked: this.#unpacked };
  }

  #begin(entry: FolderEntry): void {
    encodeHeaders(entry, (length) => this.#room(length).fill(0));
  }

  #push(bytes: Bytes): void {
    this.#room(bytes.length).set(bytes);
  }

  /** The place of the next bytes of the member. */
  #room(length: number): Bytes {
    const end = this.#filled + length;
    if (end > this.#pending.length) {
      const larger = new Uint8Array(Math.max(end, PIECE + 4 * MOST_PENDING)); // for the next piece, too
      larger.set(this.#pending.subarray(0, this.#filled));
      this.#pending = larger;
    }
    const room = this.#pending.subarray(this.#filled, end);
    this.#filled = end;
    return room;
  }

  #count(bytes: Bytes): void {
    this.#archive.update(bytes);
    this.#unpacked += bytes.length;
  }

  *#flush(): Generator<Bytes> {
    if (this.#filled === this.#begun) return;
    const bytes = this.#pending.subarray(this.#begun, this.#filled);
    yield* this.#out(this.#members.member([bytes], { isStored: this.#isStored }));
    [this.#begun, this.#isStored] = [this.#filled, false];
    if (this.#filled > MOST_PENDING) this.#hash();
  }

  /** Hashes what is in members. Many of them are small. */
  #hash(): void {
    this.#count(this.#pending.subarray(0, this.#filled));
    [this.#begun, this.#filled] = [0, 0];
  }

  *#out(pieces: Iterable<Bytes>): Generator<Bytes> {
    for (const piece of pieces) {
      this.#written += piece.length;
      if (piece.length > OUTGOING - this.#gathered) yield* this.#sent();
      if (piece.length > OUTGOING) {
        yield piece;
        continue;
      }
      this.#outgoing.set(piece, this.#gathered);
      this.#gathered += piece.length;
    }
  }

  /** Gives what has gathered. The buffer is filled again when the next bytes are asked for. */
  *#sent(): Generator<Bytes> {
    if (this.#gathered > 0) yield this.#outgoing.subarray(0, this.#gathered);
    this.#gathered = 0;
  }
}
