/** The blobs of a layout: files named by their digests, which get their names when they are whole. @module */
import { dirname } from "node:path";
import { giveName, syncDirectory } from "../content/atomic_file.ts";
import { digestFirst } from "../content/digest_first.ts";
import { isAbsence, storageError, writeError } from "../content/file_errors.ts";
import { writeAll } from "../content/write_all.ts";
import { exactly } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { readFile } from "../content/file_source.ts";
import { type FollowingHash, Hasher } from "../content/hasher.ts";
import type { Source } from "../content/source.ts";
import { MismatchError } from "../errors.ts";
import type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
import { type Algorithm, algorithmOf, type Digest } from "../oci/digest.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import { blobFile, blobFileSize, type NamedLayout } from "./blob_file.ts";
import { Claims } from "./claims.ts";
import { type Draft, LOCKS, makeDraft, removeAbandoned } from "./drafts.ts";
import { createBlobDirectory, createLayout, lockLayout } from "./directory.ts";
import { Proofs } from "./proofs.ts";
import { rangeToRead, readStoredManifest, type StoredBlobs } from "./stored_blobs.ts";
import type { BlobProof, CallOptions, DraftFile, ReadOptions, WriteOptions } from "../store/store.ts";

/** The blobs of one layout. */
export class Blobs implements StoredBlobs, Disposable {
  readonly #layout: NamedLayout;
  readonly #hasher: Hasher = new Hasher();
  readonly #claims: Claims = new Claims();
  readonly #proofs: Proofs = new Proofs(this.#hasher);
  #isClean = false;

  constructor(layout: NamedLayout) {
    this.#layout = layout;
  }

  get #directory(): string {
    return this.#layout.directory;
  }

  /** The file of a blob. */
  path(digest: Digest): string {
    return blobFile(this.#directory, digest);
  }

  /** The file of a blob that is about to be written, in a directory that exists. */
  async pathToWrite(digest: Digest): Promise<string> {
    await createBlobDirectory(this.#directory, algorithmOf(digest));
    return this.path(digest);
  }

  /** The size of a blob in bytes; `undefined` = absent. */
  async stat(digest: Digest): Promise<number | undefined> {
    return await blobFileSize(this.#layout, digest);
  }

  /** Whether a blob exists, and its file holds the bytes of its digest. A disk may have damaged them. */
  async isWhole(digest: Digest): Promise<boolean> {
    const end = await this.stat(digest);
    if (end === undefined) return false;
    const algorithm = algorithmOf(digest);
    return await this.#hasher.file(this.path(digest), { start: 0, end }, { algorithm }) === digest;
  }

  /** Claims a blob that is about to be listed, until {@link endClaims} names it. Returns its size; `undefined` = absent. */
  async claim(digest: Digest): Promise<number | undefined> {
    if (await this.stat(digest) === undefined) return undefined;
    using _layout = await lockLayout(this.#directory).catch(() => undefined); // it may be read-only
    const size = await this.stat(digest);
    if (size !== undefined) await this.#claims.addFound(digest, this.path(digest));
    return size;
  }

  /** Claims a blob that was just written. The caller has locked the layout. */
  async addClaim(digest: Digest): Promise<void> {
    await this.#claims.addFound(digest, this.path(digest));
  }

  /** Begins to prove a blob that somebody reads; `undefined` = absent. */
  async prove(digest: Digest): Promise<BlobProof | undefined> {
    return await this.#proofs.begin(digest, this.path(digest));
  }

  /** Opens a blob, or a range of it. */
  async read(
    digest: Digest,
    { range, signal }: ReadOptions,
  ): Promise<ByteStream> {
    const blob = { digest, size: await this.stat(digest), store: this.#layout.name };
    return readFile(this.path(digest), rangeToRead(blob, range), signal);
  }

  /** The bytes of a manifest, checked; `undefined` = absent. */
  async manifest(digest: Digest): Promise<Bytes | undefined> {
    return await readStoredManifest(this, digest);
  }

  /** Stores a blob, and claims it until {@link endClaims} names it. */
  async write(source: Source, options: WriteOptions): Promise<Descriptor> {
    if (options.checkFirst) {
      const digest = await digestFirst(source, options);
      const size = await this.isWhole(digest) ? await this.claim(digest) : undefined;
      if (size !== undefined) return { mediaType: OCTET_STREAM, digest, size };
    }
    let size = 0;
    const digest = await this.#named(async (draft) => {
      const received = await this.#receive(source, draft, options);
      size = received.size;
      return received.digest;
    });
    return { mediaType: OCTET_STREAM, digest, size };
  }

  /** Stores a blob that `place` writes to a file in any order, and verifies; claims it until {@link endClaims} names it. */
  async writePlaced(
    { digest }: SizedBlob,
    place: (file: DraftFile) => Promise<void>,
    { signal }: CallOptions,
  ): Promise<void> {
    await this.#named(async (draft) => {
      await place(draft);
      await draft.file.syncData();
      signal?.throwIfAborted();
      return digest;
    });
  }

  /** Creates the file of an upload that comes in pieces. */
  async beginUpload(path: string): Promise<void> {
    try {
      await this.#prepare();
      (await Deno.open(path, { write: true, createNew: true })).close();
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  /**
   * Makes a blob of a file that was written in pieces, and claims it until {@link endClaims} names it. The file is gone then,
   * also where that fails.
   *
   * @param draft the file, locked, so that nobody appends to it
   * @param hash of the whole file; absent = nothing of it is hashed yet
   * @throws {MismatchError} if its bytes have another digest
   */
  async adopt(
    draft: Draft,
    { digest, size, hash = this.follow(draft.path, algorithmOf(digest)) }: SizedBlob & {
      hash?: FollowingHash | undefined;
    },
  ): Promise<void> {
    try {
      const actual = await hash.digest(size);
      if (actual !== digest) throw new MismatchError(`the bytes have the digest ${actual}, not ${digest}`);
      await draft.file.syncData();
      await this.#giveName(draft, digest);
    } catch (error) {
      draft[Symbol.dispose]();
      await Deno.remove(draft.path).catch(() => {});
      throw storageError(error, this.#directory);
    }
  }

  /** Begins to hash a file that is being written. */
  follow(path: string, algorithm?: Algorithm): FollowingHash {
    return this.#hasher.follow(path, 0, algorithm);
  }

  /** Fills a draft, and gives it the name of its digest. */
  async #named(fill: (draft: Draft) => Promise<Digest>): Promise<Digest> {
    let draft: Draft | undefined;
    try {
      await this.#prepare();
      draft = await makeDraft(this.#directory);
      const digest = await fill(draft);
      await this.#giveName(draft, digest);
      return digest;
    } catch (error) {
      if (draft) await Deno.remove(draft.path).catch(() => {});
      draft?.[Symbol.dispose]();
      throw storageError(error, this.#directory);
    }
  }

  /** Creates the layout where it is missing, and cleans it up. */
  async #prepare(): Promise<void> {
    await createLayout(this.#directory);
    if (this.#isClean) return;
    using _layout = await lockLayout(this.#directory);
    await this.cleanUp();
  }

  /** Removes what killed writers have left, once. The caller has locked the layout. */
  async cleanUp(): Promise<void> {
    if (!this.#isClean) await removeAbandoned(this.#directory);
    this.#isClean = true;
  }

  /** Copies the source to a draft, and returns the digest of what is in that file. */
  async #receive(source: Source, { path, file }: Draft, { onEvent, signal }: WriteOptions) {
    const hash = this.follow(path, source.known && algorithmOf(source.known));
    let size = 0;
    try {
      const write = async (piece: Uint8Array) => {
        await writeAll(file, piece);
        hash.advance(size += piece.length);
        onEvent?.({ type: "progress", phase: "send", bytes: piece.length });
      };
      await exactly(source.open(), source.size).pipeTo(new WritableStream({ write }), { signal });
      const digest = await hash.digest(size);
      await file.syncData();
      signal?.throwIfAborted(); // hashing and syncing take time
      return { digest, size };
    } catch (error) {
      hash.drop();
      onEvent?.({ type: "progress", phase: "send", bytes: -size });
      throw error;
    }
  }

  /** Names and claims a blob under one lock: between the two, a removal would take it for garbage. */
  async #giveName(draft: Draft, digest: Digest): Promise<void> {
    using _layout = await lockLayout(this.#directory);
    if (!LOCKS) draft[Symbol.dispose](); // on Windows an open file cannot be renamed
    await giveName(draft.path, await this.pathToWrite(digest));
    await this.#claims.add(digest, draft);
  }

  /** Links a blob of another layout into this one, and claims it. Returns whether that was possible. */
  async link(digest: Digest, from: string): Promise<boolean> {
    const [there, here] = [blobFile(from, digest), this.path(digest)];
    try {
      using _layout = await lockLayout(this.#directory);
      if ((await Deno.lstat(there)).isSymlink) return false; // here, a link may lead elsewhere
      await Deno.link(there, await this.pathToWrite(digest));
      await syncDirectory(dirname(here));
      await this.#claims.addFound(digest, here);
      return true;
    } catch {
      return false; // another file system, or no such blob: the caller then writes it, and that says what is wrong
    }
  }

  /** Deletes a blob; one that does not exist is not an error. */
  async remove(digest: Digest): Promise<void> {
    const path = this.path(digest);
    await Deno.remove(path).catch((error) => isAbsence(error) || Promise.reject(writeError(error, path)));
  }

  /** Whether this store or another process has claimed a blob. */
  async isClaimed(digest: Digest): Promise<boolean> {
    return await this.#claims.has(digest, this.path(digest));
  }

  /** Ends one claim on each of these blobs: a manifest lists them now. */
  endClaims(digests: Iterable<Digest>): void {
    this.#claims.end(digests);
  }

  [Symbol.dispose](): void {
    this.#hasher[Symbol.dispose]();
    this.#claims[Symbol.dispose]();
  }
}
