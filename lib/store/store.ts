/** The contract of a store: one repository, in a registry or in an OCI layout directory. @module */
import type { ByteRange, Source } from "../content/source.ts";
import type { Turn } from "../async/turns.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
import type { Algorithm, Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Family } from "../oci/media_types.ts";

/**
 * Options of every call.
 *
 * @category Stores
 */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Receives what happens during the call: requests, retries, notices, and the progress of a write. Absent = the store's
   * own `onEvent` receives it. Every event is reported once, to one of the two.
   */
  onEvent?: OnEvent | undefined;
}

/** What a call for a blob takes. */
export interface BlobOptions extends CallOptions {
  /** What the blob is, for messages, such as `chunk 3`; absent = the blob with its digest. */
  what?: string | undefined;
}

/** What asking for the size of a blob takes beside the digest. */
export interface StatOptions extends BlobOptions {
  /** The size that it has to have, in bytes: a registry that answers with another one is asked more closely. */
  size?: number | undefined;
}

/** What a store has under the digest of a blob that somebody wants to reuse. */
export type BlobState = "present" | "damaged" | "absent";

/** What reusing a blob takes beside the blob. */
export interface ReuseOptions extends BlobOptions {
  /** Hashes the bytes again where they are at hand, in a directory: a disk may have damaged them. Registries are believed. */
  reread?: boolean | undefined;
  /** A tag holds the blob now, and will go on to hold it: the store need not keep it for a manifest to come. */
  held?: boolean | undefined;
}

/** What an unverified read takes beside the digest. */
export interface ReadOptions extends BlobOptions {
  /** The bytes to read, which lie within the blob; absent = the whole blob. */
  range?: ByteRange | undefined;
}

/** A read whose stream broke. */
export interface BrokenRead {
  /** What broke it. */
  error: unknown;
  /** What the blob is, for messages. */
  what: string;
  /** How many attempts in a row have brought nothing by now, from 1. */
  attempt: number;
}

/** How far an upload has come: what another process needs to know to continue it. Sizes are in bytes. */
export interface UploadPoint {
  /** The upload's newest address at the registry. */
  location: string;
  /** What the registry has acknowledged. */
  acknowledged: number;
  /** What the registry may have at most: bytes that are on their way count too. */
  sent: number;
  /** The size of the parts that it is sent in; absent = it is not sent in parts. */
  partSize?: number | undefined;
}

/** Keeps the point that a write has reached, so that another process can continue from there. */
export interface Checkpoint {
  /** The point that an earlier process has reached. The registry may have forgotten it. */
  readonly last?: UploadPoint | undefined;
  /** Keeps a point, and forgets the one before. */
  save(point: UploadPoint): void;
}

/** What a change of tags takes beside them. */
export interface ChangeOptions extends CallOptions {
  /**
   * Changes the list of a layout as a registry would: what a tag led to before stays listed by its digest, and a manifest
   * without a tag that an index comes to list, or that gets a tag, needs no entry of its own. A registry does not use it.
   */
  asRegistry?: boolean | undefined;
}

/** What storing a manifest takes beside its name and bytes. */
export interface PutOptions extends ChangeOptions {
  /** An index that comes next lists the manifest: a layout does not list it by itself. */
  child?: boolean | undefined;
}

/** What freeing takes beside the tags. */
export interface FreeOptions extends CallOptions {
  /** Frees the manifests alone, and forgets their blobs: an alias goes, and what it pointed to stays. */
  keepBlobs?: boolean | undefined;
}

/** What listing tags takes. */
export interface TagsOptions extends CallOptions {
  /** Makes it an error that the repository does not exist; otherwise it counts as one without tags. */
  mustExist?: boolean | undefined;
}

/** What looking for referrers takes beside the digest. */
export interface ReferrersOptions extends CallOptions {
  /** Returns only those that other programs find too: in a directory these are the ones listed under a fallback tag. */
  listed?: boolean | undefined;
}

/** What a write takes beside the source. */
export interface WriteOptions extends BlobOptions {
  /** Where the write's progress is kept; absent = it begins at the beginning. A directory does not use it. */
  checkpoint?: Checkpoint | undefined;
  /** Asks for the blob before it is sent, and does not send what already exists. The digest has to be known, or be cheap. */
  checkFirst?: boolean | undefined;
  /** The turn of the write: it waits for it between two parts, and before bytes are sent again. A directory does not use it. */
  turn?: Turn | undefined;
}

/** The file of a blob before it gets its name. */
export interface DraftFile {
  /** Where it is, for threads that hash it. */
  readonly path: string;
  /** The file, open for writing. */
  readonly file: Deno.FsFile;
}

/** An upload that gets its bytes from several calls, perhaps of several processes, before it becomes a blob. */
export interface UploadInPieces {
  /** Names it, for as long as it is not finished. */
  readonly id: string;
  /** How many bytes it has. */
  readonly size: number;
  /**
   * Appends bytes. Those that came before the stream broke stay.
   *
   * @throws {ConflictError} if another call appends to it
   */
  append(bytes: ReadableStream<Uint8Array<ArrayBuffer>>, options?: CallOptions): Promise<void>;
  /**
   * Makes it a blob, for which all holds that `write` says. It is gone then, also where that fails.
   *
   * @throws {MismatchError} if its bytes have another digest
   */
  finish(digest: Digest, options?: CallOptions): Promise<Descriptor>;
  /** Throws its bytes away. */
  cancel(): Promise<void>;
}

/** How an upload in pieces begins. */
export interface BeginUploadOptions extends CallOptions {
  /** The algorithm of the digest that is expected at its end; absent = sha256. Another one costs a second reading. */
  algorithm?: Algorithm | undefined;
}

/** The uploads of a store that are under way. They outlive the process. */
export interface UploadsInPieces {
  /**
   * Begins an upload without bytes.
   *
   * @throws {ConflictError} if too many are under way
   */
  begin(options?: BeginUploadOptions): Promise<UploadInPieces>;
  /** The upload with an ID; `undefined` = there is none. */
  find(id: string, options?: CallOptions): Promise<UploadInPieces | undefined>;
  /**
   * Ends the uploads that got nothing for a week, also those that another process has begun.
   *
   * @param options `needsRoom`: the disk is full, and so an hour is enough
   */
  endAbandoned(options?: CallOptions & { needsRoom?: boolean }): Promise<void>;
}

/**
 * A proof that a blob has the bytes of its digest, made while somebody reads the blob. Disposing of it ends it where nobody
 * else needs it.
 */
export interface BlobProof extends Disposable {
  /** The reader has got these bytes, which come next. */
  see(bytes: Uint8Array): void;
  /** Whether the bytes are the right ones. Asked for when all were read; it waits until they are hashed. */
  isRight(): Promise<boolean>;
}

/** Reads the blobs of one repository, by digest. */
export interface BlobReader {
  /** For messages: `docker.io/me/files`, `oci:box/me/files`. */
  readonly name: string;
  /** Receives the events of calls that are made without an `onEvent` of their own; absent = nobody does. */
  readonly onEvent?: OnEvent | undefined;

  /** The size of a blob in bytes; `undefined` = absent. */
  stat(digest: Digest, options?: StatOptions): Promise<number | undefined>;
  /**
   * The bytes of a whole blob, **verified as they flow**: the stream errors at its end with a `MismatchError` where they
   * are fewer, more or others than the digest names. A reader acts on them only when the stream has ended.
   *
   * @throws {NotFoundError} if the blob is absent
   */
  read(digest: Digest, options?: BlobOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /**
   * A range of a blob's bytes, or all of them, as they come. **Nothing is verified**, neither the number of bytes nor the
   * digest: this is for ranges, and for callers that hash by themselves, as a download does beside the transfer. The
   * caller looks at the signal itself while it reads.
   *
   * @throws {InvalidInputError} if the range is not a range
   * @throws {NotFoundError} if the blob is absent
   * @throws {RangeRefusedError} if the store can only give the whole blob
   */
  readUnverified(digest: Digest, options?: ReadOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /**
   * Begins to prove that a blob has the bytes of its digest, for a caller that reads all of it unverified: another thread
   * hashes the file, and only once as long as nobody changes it. `undefined` = there is no such file. Absent where blobs are
   * not files of their own.
   */
  prove?(digest: Digest): Promise<BlobProof | undefined>;
  /**
   * Waits until a read whose stream broke may be resumed, and reports the wait. Absent where nothing is gained by another
   * attempt: in a directory.
   *
   * @throws the error that broke the stream, if it is not transient, or too many attempts have failed in a row
   */
  waitToResume?(broken: BrokenRead, options?: CallOptions): Promise<void>;
}

/** Reads and changes the blobs of one repository. */
export interface BlobStore extends BlobReader {
  /**
   * Stores a blob under the digest of its bytes. Writing a blob that already exists changes nothing. When the write
   * fails, nothing is visible under the digest. In a directory the blob survives a power cut from then on, and is kept
   * until a manifest lists it, or the store is closed. The descriptor's media type is `application/octet-stream`.
   *
   * It reports `progress` events of the phase `send`: bytes that went out, negative when they have to go out again; and
   * `resume` events: bytes that the registry has from before a break, which need not go out again.
   */
  write(source: Source, options?: WriteOptions): Promise<Descriptor>;
  /**
   * Stores a blob whose bytes come in any order: `place` writes them to an empty file, and makes sure that they have the
   * digest. What holds for a failed and for a complete `write` holds here too. Absent where blobs are not files: in a
   * registry.
   */
  writePlaced?(
    blob: SizedBlob,
    place: (file: DraftFile) => Promise<void>,
    options?: CallOptions,
  ): Promise<void>;
  /** Uploads that others send in pieces. Absent where blobs are not files: in a registry. */
  readonly uploads?: UploadsInPieces | undefined;
  /**
   * Says that blobs are about to be written, of these sizes as far as they are certain: a registry is asked for the right to
   * push from the first request on, and begins the uploads, which saves a round trip for each. Disposing of the result
   * cancels those that were not used. Absent where nothing is gained.
   */
  expectWrites?(sizes: readonly number[], options?: CallOptions): AsyncDisposable;
  /**
   * Asks for a blob that a manifest is about to list, so that it need not be written:
   *
   * - `present`: the store has it whole, and keeps it until a manifest lists it, or the store is closed.
   * - `damaged`: there is something else under its digest, of another size or with other bytes. It has to be written, with
   *   `checkFirst`: a registry may take the bytes, and keep what is damaged.
   * - `absent`: it has to be written.
   */
  reuse(blob: SizedBlob, options?: ReuseOptions): Promise<BlobState>;
  /**
   * Mounts a blob of another repository of the same registry, or links one of another layout in the same directory. The
   * store keeps it as a reused one. `false` = it has to be written.
   */
  mount(digest: Digest, from: string, options?: CallOptions): Promise<boolean>;
  /** Removes a blob. Removing one that does not exist is not an error. */
  remove(digest: Digest, options?: CallOptions): Promise<void>;
}

/** Reads the manifests of one repository, by tag or digest. */
export interface ManifestReader {
  /** For messages: `docker.io/me/files`, `oci:box/me/files`. */
  readonly name: string;
  /** The full address: no other repository has the same. */
  readonly url: string;
  /** Receives the events of calls that are made without an `onEvent` of their own; absent = nobody does. */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Set where each call of `manifest` counts against a limit of the user's account, as at Docker Hub. `resolve` does not
   * count.
   */
  readonly manifestReadsCount?: boolean | undefined;

  /** A manifest; `undefined` = absent. One that is asked for by digest is verified. */
  manifest(reference: string, options?: CallOptions): Promise<Manifest | undefined>;
  /** The digest that a tag points to, without reading the manifest; `undefined` = absent. */
  resolve(reference: string, options?: CallOptions): Promise<Digest | undefined>;
  /** Descriptors of the manifests whose subject this one is: signatures, SBOMs and the like. */
  referrers(digest: Digest, options?: ReferrersOptions): Promise<Descriptor[]>;
  /**
   * Every tag, over all pages, each once. A repository that does not exist has no tags.
   *
   * @throws {NotFoundError} if the repository does not exist, and `mustExist` is set
   */
  tags(options?: TagsOptions): AsyncIterable<string>;
  /** Images that are listed without a tag, as skopeo writes them. Absent where only tags can be listed. */
  untagged?(options?: CallOptions): Promise<Digest[]>;
  /** Full names of images, such as `docker.io/library/nginx:1.27`, for messages. Absent where a tag is the full name. */
  fullNames?(options?: CallOptions): Promise<string[]>;
}

/** Reads and changes the manifests of one repository. */
export interface ManifestStore extends ManifestReader {
  /**
   * Stores a manifest under a tag or its digest. The blobs that it lists must exist. What the tag led to before stays where
   * it is: see `free`. In a directory the manifest and its tag survive a power cut from then on.
   *
   * @throws {InvalidInputError} if the manifest's digest is not that of its bytes, or not the one to store it under
   */
  putManifest(reference: string, manifest: Manifest, options?: PutOptions): Promise<void>;
  /**
   * Stores several manifests, each as by `putManifest`, and lists them at once: all of them, or, where it fails, none. Absent
   * where each is a request of its own; a directory writes the list of all its manifests as a whole.
   */
  putManifests?(manifests: ReadonlyMap<string, Manifest>, options?: ChangeOptions): Promise<void>;
  /**
   * Removes one tag and **no other**, even where others point to the same manifest; or, by digest, a manifest
   * with all its tags. What it led to stays where it is: see `free`. Removing what does not exist is not an error.
   *
   * @throws {NotAllowedError} if the registry cannot do it; the hint says how to do it by hand
   */
  removeManifest(reference: string, options?: ChangeOptions): Promise<void>;
  /** Removes several tags, each as by `removeManifest`, at once. Absent where each is a request of its own. */
  removeManifests?(references: readonly string[], options?: ChangeOptions): Promise<void>;
  /**
   * Frees the space of what these tags and digests led to before they were put or removed. Putting and removing free
   * nothing by themselves: whoever changes tags calls this when the change is complete. An interruption before that leaves
   * garbage, and never a manifest without its blobs.
   *
   * It frees only what changes of this very store object have left unlisted; and of that, nothing that a listed manifest
   * leads to, and nothing that somebody has written or reused for a manifest to come. Absent where the store frees space
   * by itself: a registry does, some time later.
   *
   * @throws {NotAllowedError} if a file cannot be deleted; what was freed until then is gone
   */
  free?(references: readonly string[], options?: FreeOptions): Promise<void>;
  /**
   * Removes those of these manifests that nothing in the repository names any more, no tag, no index and no referrer, so that
   * a registry's collection of garbage frees their blobs. Where that cannot be shown they stay. Absent where `free` does it.
   */
  removeUnnamed?(digests: readonly Digest[], options?: CallOptions): Promise<void>;
}

/** Reads one repository: its manifests, and the blobs that these list. */
export interface StoreReader extends BlobReader, ManifestReader {}

/**
 * One repository, to read, to change and to point to.
 *
 * A repository of a registry and an OCI layout directory both keep to this contract, and one test suite holds them to it.
 * All calls may run at the same time. Errors are the ones of `errors.ts`: what is not a digest, tag or repository is
 * refused with an `InvalidInputError` before anything is done.
 *
 * Functions take the narrowest of these interfaces that they need: one that only reads blobs takes a `BlobReader`.
 *
 * @category Stores
 */
export interface Store extends BlobStore, ManifestStore, Disposable {
  /**
   * The family of media types for new manifests: the one that the user has chosen, or else that suits the store. It may
   * change: see `changeFamily`.
   */
  readonly family: Family;
  /** The chunk size that suits the store, in bytes. */
  readonly chunkSize: number;

  /**
   * Changes the family of new manifests, because the store refuses the other. What the user has chosen stays.
   *
   * @returns whether it is this family now
   */
  changeFamily(family: Family): boolean;
  /** The family of new manifests under a name that has others: theirs, unless the user has chosen one. */
  familyBeside(existing: Family | undefined): Family;
  /**
   * The URL from which a blob can be fetched without layerstash. A registry may ask to sign in.
   *
   * @throws {InvalidInputError} if the digest is malformed
   */
  blobUrl(digest: Digest): URL;
  /** Closes connections and ends claims on blobs. `using store = ...` calls it at the end of the block. */
  close(): void;
}
