/** The store that is a directory: an OCI image layout. @module */
import { join } from "node:path";
import { storageError, temporaryName, writeAll, writeAtomically } from "../content/atomic_file.ts";
import { collect } from "../content/collect.ts";
import { readFile } from "../content/file_source.ts";
import { Hasher } from "../content/hasher.ts";
import type { Source } from "../content/source.ts";
import { MismatchError, NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, encodedPart, isDigest } from "../oci/digest.ts";
import {
  declaredMediaType,
  type Manifest,
  manifestOf,
  MAX_MANIFEST_SIZE,
  referencesOf,
} from "../oci/manifest.ts";
import { IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";
import {
  changeEntries,
  createLayout,
  type IndexEntry,
  readEntries,
  REF_NAME,
  tagOf,
} from "./layout_index.ts";
import { DEFAULT_POLICY, type Patience, systemClock } from "./retry.ts";
import type { CallOptions, ReadOptions, Store, WriteOptions } from "./store.ts";

/** Where a layout is and what it is called. */
export interface LayoutOptions {
  /** The layout's directory; it is made when something is first written. */
  directory: string;
  /** For messages, such as `oci:box/me/files`. */
  name: string;
  /** The directory of another repository beside this one, for mounts. */
  beside?: (repository: string) => string;
}

/**
 * An OCI image layout directory as a store. Blobs and `index.json` appear atomically; writers in several
 * processes take turns. Manifests are written in the OCI family: readers such as skopeo see no others in a layout.
 */
export class LayoutStore implements Store {
  readonly name: string;
  readonly family = "oci";
  readonly patience: Patience = { policy: DEFAULT_POLICY, clock: systemClock };
  readonly chunkSize: number = 5 * 1024 ** 3;
  readonly #directory: string;
  readonly #beside: ((repository: string) => string) | undefined;
  readonly #hasher: Hasher = new Hasher();
  readonly #referenced: Map<Digest, Promise<Digest[]>> = new Map();

  /** @param options where it is */
  constructor(options: LayoutOptions) {
    this.name = options.name;
    this.#directory = options.directory;
    this.#beside = options.beside;
  }

  async stat(digest: Digest): Promise<number | undefined> {
    try {
      const info = await Deno.stat(this.#blobPath(digest));
      return info.isFile ? info.size : undefined;
    } catch (error) {
      return absentOr(error);
    }
  }

  async read(
    digest: Digest,
    { range, signal }: ReadOptions = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    signal?.throwIfAborted();
    const size = await this.stat(digest);
    if (size === undefined) throw new NotFoundError(`${this.name} has no blob ${digest}`);
    const { start, end } = range ?? { start: 0, end: size };
    if (end > size) {
      throw new MismatchError(`the blob ${digest} has ${size} bytes, not the ${end} or more expected`);
    }
    return readFile(this.#blobPath(digest), start, end);
  }

  async write(source: Source, options: WriteOptions = {}): Promise<Descriptor> {
    if (options.checkFirst) {
      const digest = await source.digest();
      const size = await this.stat(digest);
      if (size !== undefined) return { mediaType: OCTET_STREAM, digest, size };
    }
    const temporary = temporaryName(this.#directory);
    try {
      await createLayout(this.#directory);
      const { digest, size } = await this.#receive(source, temporary, options);
      await Deno.rename(temporary, this.#blobPath(digest));
      return { mediaType: OCTET_STREAM, digest, size };
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw storageError(error, this.#directory);
    }
  }

  async mount(digest: Digest, from: string): Promise<boolean> {
    if (!this.#beside) return false;
    if (await this.stat(digest) !== undefined) return true;
    try {
      await createLayout(this.#directory);
      await Deno.link(blobPath(this.#beside(from), digest), this.#blobPath(digest));
      return true;
    } catch {
      return false; // another file system, or not there: the caller then writes it, and hears why that fails
    }
  }

  async remove(digest: Digest): Promise<void> {
    await Deno.remove(this.#blobPath(digest)).catch(absentOr);
  }

  async manifest(reference: string): Promise<Manifest | undefined> {
    const entry = await this.#entry(reference);
    const digest = entry?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const size = await this.stat(digest);
    if (size === undefined) return this.#missing(entry);
    if (size > MAX_MANIFEST_SIZE) {
      throw new MismatchError(`the manifest ${digest} is too large: ${size} bytes`);
    }
    const bytes = await collect(readFile(this.#blobPath(digest), 0, size), size);
    const manifest = manifestOf(bytes, entry?.mediaType ?? declaredMediaType(bytes) ?? IMAGE_MANIFEST.oci);
    if (manifest.digest === digest) return manifest;
    throw new MismatchError(`the manifest ${digest} is corrupted: its bytes have another digest`);
  }

  async resolve(reference: string): Promise<Digest | undefined> {
    return (await this.#entry(reference))?.digest;
  }

  async putManifest(reference: string, manifest: Manifest): Promise<void> {
    await this.#changeEntries(async (entries) => {
      await this.#requireBlobs(manifest);
      await writeAtomically(this.#blobPath(manifest.digest), manifest.bytes);
      return withEntry(entries, reference, manifest);
    });
  }

  async removeManifest(reference: string): Promise<void> {
    if (await this.#entry(reference) === undefined) return;
    await this.#changeEntries(async (entries) => {
      const [gone, kept] = partition(entries, (entry) => isNamed(entry, reference));
      await this.#sweep(gone, kept);
      return kept;
    });
  }

  async *tags(_options?: CallOptions): AsyncGenerator<string> {
    const tags = (await readEntries(this.#directory)).map(tagOf).filter((tag) => tag !== undefined);
    yield* [...new Set(tags)].sort();
  }

  close(): void {
    this.#hasher[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #entry(reference: string): Promise<IndexEntry | undefined> {
    return (await readEntries(this.#directory)).find((entry) => isNamed(entry, reference));
  }

  #missing(entry: IndexEntry | undefined): undefined {
    if (!entry) return undefined;
    throw new NotFoundError(`${this.name} lists the manifest ${entry.digest}, but its file is missing`);
  }

  async #changeEntries(change: (entries: IndexEntry[]) => Promise<IndexEntry[]>): Promise<void> {
    try {
      await changeEntries(this.#directory, change);
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  /** Copies the source to a file of its own and gives the digest of what is in that file. */
  async #receive(source: Source, path: string, { onBytes, signal }: WriteOptions) {
    const hash = this.#hasher.follow(path, 0);
    let size = 0;
    try {
      using file = await Deno.open(path, { write: true, createNew: true });
      for await (const piece of source.open()) {
        signal?.throwIfAborted();
        await writeAll(file, piece);
        hash.advance(size += piece.length);
        onBytes?.(piece.length);
      }
      const digest = await hash.digest(size);
      await file.syncData();
      return { digest, size };
    } catch (error) {
      hash.drop();
      onBytes?.(-size);
      throw error;
    }
  }

  async #requireBlobs(manifest: Manifest): Promise<void> {
    const { blobs, manifests } = referencesOf(manifest.bytes);
    for (const digest of [...blobs, ...manifests]) {
      if (await this.stat(digest) !== undefined) continue;
      throw new RegistryError(`the manifest lists the blob ${digest}, which ${this.name} does not have`, {
        codes: ["MANIFEST_BLOB_UNKNOWN"],
      });
    }
  }

  /** Deletes the manifests that are gone and what they alone listed. Called while the layout is locked. */
  async #sweep(gone: IndexEntry[], kept: IndexEntry[]): Promise<void> {
    const reachable = new Set<Digest>();
    for (const { digest } of kept) (await this.#reach(digest)).forEach((each) => reachable.add(each));
    for (const { digest } of gone) {
      const unreachable = (await this.#reach(digest)).filter((each) => !reachable.has(each));
      for (const each of unreachable) await this.remove(each);
    }
  }

  /** A manifest's digest and all that it leads to. Manifests never change, so the answer is kept. */
  #reach(digest: Digest): Promise<Digest[]> {
    const known = this.#referenced.get(digest) ?? this.#follow(digest);
    this.#referenced.set(digest, known);
    return known;
  }

  async #follow(digest: Digest): Promise<Digest[]> {
    const size = await this.stat(digest);
    if (size === undefined || size > MAX_MANIFEST_SIZE) return [digest];
    const { blobs, manifests } = referencesOf(await Deno.readFile(this.#blobPath(digest)));
    const deeper = await Promise.all(manifests.map((child) => this.#reach(child)));
    return [digest, ...blobs, ...deeper.flat()];
  }

  #blobPath(digest: Digest): string {
    return blobPath(this.#directory, digest);
  }
}

function blobPath(directory: string, digest: Digest): string {
  return join(directory, "blobs", "sha256", encodedPart(digest));
}

function isNamed(entry: IndexEntry, reference: string): boolean {
  return tagOf(entry) === reference || entry.digest === reference;
}

function withEntry(entries: IndexEntry[], reference: string, manifest: Manifest): IndexEntry[] {
  const described = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
  if (!isDigest(reference)) {
    const others = entries.filter((entry) => tagOf(entry) !== reference);
    return [...others, { ...described, annotations: { [REF_NAME]: reference } }];
  }
  return entries.some((entry) => entry.digest === reference) ? entries : [...entries, described];
}

function partition<T>(items: T[], chosen: (item: T) => boolean): [T[], T[]] {
  return [items.filter(chosen), items.filter((item) => !chosen(item))];
}

function absentOr(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
  if (error instanceof Deno.errors.PermissionDenied) {
    throw new NotAllowedError(error.message, { cause: error });
  }
  throw error;
}
