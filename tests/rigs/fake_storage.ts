/** What the fake registry stores, in memory. @module */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestOf } from "../../lib/oci/digest.ts";

/** A blob: its pieces in order, or only its size where bytes are thrown away. */
export interface StoredBlob {
  /** In bytes. */
  size: number;
  /** The bytes. One piece may stand in it many times. */
  pieces: Uint8Array[] | undefined;
  /** The first byte, which is kept where the others are thrown away: whether a blob can be fetched is asked by it. */
  first?: Uint8Array | undefined;
}

/** A manifest. */
export interface StoredManifest {
  /** The `Content-Type` that it came with. */
  mediaType: string;
  /** The document. */
  bytes: Uint8Array;
}

/** A repository. */
export interface StoredRepository {
  /** Which blobs can be had from it. */
  blobs: Set<Digest>;
  /** Its manifests. */
  manifests: Map<Digest, StoredManifest>;
  /** Its tags. */
  tags: Map<string, Digest>;
}

/** Everything that the fake registry stores. Tests may look at it and change it. */
export class FakeStorage {
  /** Blobs, over all repositories. */
  readonly blobs = new Map<Digest, StoredBlob>();
  /** Repositories by name. */
  readonly repositories = new Map<string, StoredRepository>();
  /** Uploads that are under way, by id. */
  readonly sessions = new Map<string, UploadSession>();
  /** How many bodies of uploads are coming at the moment. */
  arriving = 0;
  readonly #discard: boolean;

  /** With `discard` the bytes of all but small blobs are thrown away: only digest and size are kept. */
  constructor(discard: boolean) {
    this.#discard = discard;
  }

  /** The repository of a name; it is made where it is not there. */
  repository(name: string): StoredRepository {
    const found = this.repositories.get(name) ?? { blobs: new Set(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, found);
    return found;
  }

  /** A blob that a repository has. */
  blob(repository: string, digest: string): StoredBlob | undefined {
    const known = this.repositories.get(repository)?.blobs.has(digest as Digest);
    return known ? this.blobs.get(digest as Digest) : undefined;
  }

  /** Puts a blob in place. The pieces may be one and the same many times: a large blob in little memory. */
  addBlob(repository: string, ...pieces: Uint8Array[]): Digest {
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    const digest: Digest = `sha256:${hash.digest("hex")}`;
    this.blobs.set(digest, { size: pieces.reduce((sum, piece) => sum + piece.length, 0), pieces });
    this.repository(repository).blobs.add(digest);
    return digest;
  }

  /** Puts a manifest in place, whatever it lists. */
  addManifest(repository: string, manifest: StoredManifest, tag?: string): Digest {
    const digest = digestOf(manifest.bytes);
    const { manifests, tags } = this.repository(repository);
    manifests.set(digest, manifest);
    if (tag !== undefined) tags.set(tag, digest);
    return digest;
  }

  /** The manifest of a tag or digest. */
  manifest(repository: string, reference: string): { digest: Digest; manifest: StoredManifest } | undefined {
    const found = this.repositories.get(repository);
    const digest = found?.tags.get(reference) ?? reference as Digest;
    const manifest = found?.manifests.get(digest);
    return manifest && { digest, manifest };
  }

  /** Adds all that another storage has, as it is there. */
  addAll(other: FakeStorage): void {
    for (const [digest, blob] of other.blobs) this.blobs.set(digest, { ...blob });
    for (const [name, { blobs, manifests, tags }] of other.repositories) {
      const own = this.repository(name);
      blobs.forEach((digest) => own.blobs.add(digest));
      manifests.forEach((manifest, digest) => own.manifests.set(digest, manifest));
      tags.forEach((digest, tag) => own.tags.set(tag, digest));
    }
  }

  /** Begins an upload. */
  openSession(repository: string): UploadSession {
    const session = new UploadSession(repository, this.#discard);
    this.sessions.set(session.id, session);
    return session;
  }

  /** Makes a blob of an upload; `undefined`, and nothing, when its bytes are not those of the digest. */
  commit(session: UploadSession, digest: string): Digest | undefined {
    this.sessions.delete(session.id);
    const actual = session.digest();
    if (actual !== digest) return undefined;
    this.blobs.set(actual, { size: session.size, pieces: session.pieces, first: session.first });
    this.repository(session.repository).blobs.add(actual);
    return actual;
  }
}

/** Up to this size a blob is kept although large ones are thrown away: configs have to be read. */
const SMALL = 16 * 1024 * 1024; // also the table of a hundred thousand chunks

/** A blob on its way in. */
export class UploadSession {
  /** Names it in its location. */
  readonly id: string = crypto.randomUUID();
  /** Where the blob goes. */
  readonly repository: string;
  /** The bytes so far. */
  size = 0;
  /** The size after the first PATCH. */
  firstPart: number | undefined;
  /** Whether it takes nothing more. */
  stuck = false;
  /** The bytes, where they are kept. */
  pieces: Uint8Array[] | undefined = [];
  /** The first of them. */
  first: Uint8Array | undefined;
  readonly #keeps: number;
  #hash: Hash = createHash("sha256");

  /** Begins empty. */
  constructor(repository: string, discard: boolean) {
    this.repository = repository;
    this.#keeps = discard ? SMALL : Infinity;
  }

  /** Takes bytes to the end. */
  append(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.pieces?.push(piece);
    if (this.size === 0) this.first = piece.slice(0, 1);
    this.size += piece.length;
    if (this.size > this.#keeps) this.pieces = undefined;
  }

  /** The digest of all bytes so far. */
  digest(): Digest {
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }

  /** Remembers how things are; the function that it gives brings them back. */
  mark(): () => void {
    const { size, pieces } = this;
    const [hash, count] = [this.#hash.copy(), pieces?.length ?? 0];
    return () => {
      this.#hash = hash;
      this.size = size;
      this.pieces?.splice(count);
    };
  }
}

/** The bytes of pieces from `start` up to, and not with, `end`. */
export function* slice(pieces: Uint8Array[], start: number, end: number): Iterable<Uint8Array> {
  let offset = 0;
  for (const piece of pieces) {
    if (offset >= end) return;
    if (offset + piece.length > start) yield piece.subarray(Math.max(0, start - offset), end - offset);
    offset += piece.length;
  }
}
