/** The store that is a directory: an OCI image layout. @module */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { giveName, storageError, writeAll, writeAtomically } from "../content/atomic_file.ts";
import { collect } from "../content/collect.ts";
import { denied } from "../content/denied.ts";
import { exactly } from "../content/exactly.ts";
import { readFile } from "../content/file_source.ts";
import { Hasher } from "../content/hasher.ts";
import type { Source } from "../content/source.ts";
import { MismatchError, NotFoundError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, encodedPart, isDigest } from "../oci/digest.ts";
import {
  declaredMediaType,
  type Manifest,
  manifestOf,
  MAX_MANIFEST_SIZE,
  referencesOf,
} from "../oci/manifest.ts";
import { IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";
import { type Draft, LOCKS, makeDraft, removeAbandonedDrafts } from "./layout_drafts.ts";
import { type IndexEntry, lockIndex, readEntries, REF_NAME, tagOf } from "./layout_index.ts";
import { createLayout, lockLayout } from "./layout_lock.ts";
import { DEFAULT_POLICY, type Patience, systemClock } from "../http/retry.ts";
import { LayoutClaims } from "./layout_claims.ts";
import { LayoutReach } from "./layout_reach.ts";
import { distinct, fallbackReferrers, namesSubject } from "./referrers.ts";
import type { CallOptions, PutOptions, ReadOptions, RemoveOptions, Store, WriteOptions } from "./store.ts";

/** Where a layout is and what it is called. */
export interface LayoutOptions {
  /** The layout's directory; it is made when something is first written. */
  directory: string;
  /** For messages, such as `oci:box/me/files`. */
  name: string;
  /** The directory of another repository beside this one, for mounts. */
  beside?: (repository: string) => string;
  /** Told of oddities. */
  onEvent?: OnEvent | undefined;
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
  readonly #onEvent: OnEvent | undefined;
  readonly #hasher: Hasher = new Hasher();
  readonly #claims: LayoutClaims = new LayoutClaims();
  #cleared: Promise<void> | undefined;
  readonly #reach: LayoutReach = new LayoutReach((digest) => this.#manifestBytes(digest));

  /** @param options where it is */
  constructor(options: LayoutOptions) {
    this.name = options.name;
    this.#directory = options.directory;
    this.#beside = options.beside;
    this.#onEvent = options.onEvent;
  }

  get url(): string {
    return pathToFileURL(this.#directory).href;
  }

  blobUrl(digest: Digest): URL {
    return pathToFileURL(this.#blobPath(digest));
  }

  async stat(digest: Digest, { signal }: CallOptions = {}): Promise<number | undefined> {
    signal?.throwIfAborted();
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
    const size = await this.stat(digest, { signal });
    if (size === undefined) throw new NotFoundError(`${this.name} has no blob ${digest}`);
    const { start, end } = range ?? { start: 0, end: size };
    if (end > size) {
      throw new MismatchError(`the blob ${digest} has ${size} bytes, not the ${end} or more expected`);
    }
    return readFile(this.#blobPath(digest), { start, end }, signal);
  }

  async write(source: Source, options: WriteOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    if (options.checkFirst) {
      const digest = await source.digest();
      const size = await this.stat(digest);
      const isWhole = size !== undefined && size === (source.size ?? size); // a damaged disk may have cut it off
      if (isWhole) return { mediaType: OCTET_STREAM, digest, size };
    }
    let draft: Draft | undefined;
    try {
      await this.#prepare();
      draft = await makeDraft(this.#directory);
      const { digest, size } = await this.#receive(source, draft, options);
      await this.#name(draft, digest);
      return { mediaType: OCTET_STREAM, digest, size };
    } catch (error) {
      if (draft) await Deno.remove(draft.path).catch(() => {});
      draft?.[Symbol.dispose]();
      throw storageError(error, this.#directory);
    }
  }

  /** Between its name and its claim nobody may take the blob for one that is not needed. */
  async #name(draft: Draft, digest: Digest): Promise<void> {
    using _layout = await lockLayout(this.#directory);
    if (!LOCKS) draft[Symbol.dispose](); // on Windows an open file is in the way of what is to get its name
    await giveName(draft.path, this.#blobPath(digest));
    await this.#claims.add(digest, draft);
  }

  /** Makes the layout where it is missing, and clears up behind writers that were killed. */
  async #prepare(): Promise<void> {
    await createLayout(this.#directory);
    await (this.#cleared ??= removeAbandonedDrafts(this.#directory));
  }

  async mount(digest: Digest, from: string, { signal }: CallOptions = {}): Promise<boolean> {
    if (await this.stat(digest, { signal }) !== undefined) return true;
    if (!this.#beside) return false;
    try {
      await createLayout(this.#directory);
      await Deno.link(blobPath(this.#beside(from), digest), this.#blobPath(digest));
      return true;
    } catch {
      return false; // another file system, or not there: the caller then writes it, and hears why that fails
    }
  }

  async remove(digest: Digest, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await Deno.remove(this.#blobPath(digest)).catch((error) =>
      absentOr(storageError(error, this.#directory))
    );
  }

  async manifest(reference: string, { signal }: CallOptions = {}): Promise<Manifest | undefined> {
    signal?.throwIfAborted();
    const entry = await this.#entry(reference);
    const digest = entry?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const bytes = await this.#manifestBytes(digest);
    if (bytes === undefined) return this.#missing(entry);
    if (entry && entry.size !== bytes.length) {
      const message = `${this.name} says that ${digest} has ${entry.size} bytes, it has ${bytes.length}`;
      this.#onEvent?.({ type: "notice", message });
    }
    return manifestOf(bytes, entry?.mediaType ?? declaredMediaType(bytes) ?? IMAGE_MANIFEST.oci);
  }

  async resolve(reference: string, { signal }: CallOptions = {}): Promise<Digest | undefined> {
    signal?.throwIfAborted();
    return (await this.#entry(reference))?.digest;
  }

  async putManifest(
    reference: string,
    manifest: Manifest,
    { child, signal }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    requireOwnDigest(reference, manifest);
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      await this.#requireBlobs(manifest);
      await writeAtomically(this.#blobPath(manifest.digest), manifest.bytes);
      if (child) return; // it is listed with its index: until then its blobs stay claimed
      await index.replace(withEntry(index.entries, reference, manifest));
      this.#claims.end(referencesOf(manifest.bytes).blobs);
    });
  }

  async referrers(digest: Digest, options: CallOptions = {}): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    for (const { digest: each, size, mediaType = IMAGE_MANIFEST.oci } of await readEntries(this.#directory)) {
      options.signal?.throwIfAborted();
      const bytes = await this.#manifestBytes(each);
      if (bytes && namesSubject(bytes, digest)) found.push({ mediaType, digest: each, size });
    }
    return distinct([...found, ...await fallbackReferrers(this, digest, options)]);
  }

  async removeManifest(reference: string, { keepBlobs, signal }: RemoveOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (await this.#entry(reference) === undefined) return;
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      const [gone, kept] = partition(index.entries, (entry) => isNamed(entry, reference));
      const unreachable = await this.#reach.unreachable(gone, kept);
      await index.replace(kept); // first: whoever reads the layout then finds all that it lists
      const manifests = new Set(gone.map(({ digest }) => digest));
      for (const each of unreachable) {
        if (keepBlobs && !manifests.has(each)) continue;
        if (!await this.#claims.has(each, this.#blobPath(each))) await this.remove(each);
      }
    });
  }

  async *tags({ signal }: CallOptions = {}): AsyncGenerator<string> {
    signal?.throwIfAborted();
    const tags = (await readEntries(this.#directory)).map(tagOf).filter((tag) => tag !== undefined);
    yield* [...new Set(tags)].sort();
  }

  close(): void {
    this.#hasher[Symbol.dispose]();
    this.#claims[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #entry(reference: string): Promise<IndexEntry | undefined> {
    return (await readEntries(this.#directory)).find((entry) => isNamed(entry, reference));
  }

  /** The bytes of a manifest, checked; `undefined` = absent. */
  async #manifestBytes(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const size = await this.stat(digest);
    if (size === undefined) return undefined;
    if (size > MAX_MANIFEST_SIZE) {
      throw new MismatchError(`the manifest ${digest} is too large: ${size} bytes`);
    }
    const bytes = await collect(await this.read(digest, { range: { start: 0, end: size } }), size);
    if (digestOf(bytes) === digest) return bytes;
    throw new MismatchError(`the manifest ${digest} is corrupted: its bytes have another digest`);
  }

  #missing(entry: IndexEntry | undefined): undefined {
    if (!entry) return undefined;
    throw new NotFoundError(`${this.name} lists the manifest ${entry.digest}, but its file is missing`);
  }

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  /** Copies the source to a file of its own and gives the digest of what is in that file. */
  async #receive(source: Source, { path, file }: Draft, { onBytes, signal }: WriteOptions) {
    const hash = this.#hasher.follow(path, 0);
    let size = 0;
    try {
      const write = async (piece: Uint8Array) => {
        await writeAll(file, piece);
        hash.advance(size += piece.length);
        onBytes?.(piece.length);
      };
      await exactly(source.open(), source.size).pipeTo(new WritableStream({ write }), { signal });
      const digest = await hash.digest(size);
      await file.syncData();
      signal?.throwIfAborted(); // the last bytes and their hash take their time
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

function requireOwnDigest(reference: string, { digest }: Manifest): void {
  if (!isDigest(reference) || reference === digest) return;
  throw new RegistryError(`the manifest has the digest ${digest}, not ${reference}`, {
    codes: ["DIGEST_INVALID"],
  });
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
  throw denied(error, (error as Error).message) ?? error;
}
