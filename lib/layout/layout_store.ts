/** The store that is a directory: an OCI image layout. @module */
import { pathToFileURL } from "node:url";
import { storageError } from "../content/file_errors.ts";
import { writeAtomically } from "../content/atomic_file.ts";
import { verified } from "../content/byte_stream.ts";
import type { Source } from "../content/source.ts";
import { NotFoundError, RegistryError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct, type SizedBlob } from "../oci/descriptor.ts";
import { type Digest, isDigest, parseDigest } from "../oci/digest.ts";
import { declaredMediaType, type Manifest, manifestOf, referencesOf } from "../oci/manifest.ts";
import { IMAGE_MANIFEST } from "../oci/media_types.ts";
import { parseReference, parseRepository } from "../oci/reference.ts";
import { checkRange, requireStorable } from "../store/checks.ts";
import { type IndexEntry, lockIndex, readEntries, REF_NAME, tagOf } from "./index_json.ts";
import { DEFAULT_RETRY_POLICY, type Patience } from "../async/retry.ts";
import { systemClock } from "../async/clock.ts";
import { LayoutBlobs } from "./blobs.ts";
import { Garbage } from "./garbage.ts";
import { fallbackReferrers, namesSubject } from "../store/referrers.ts";
import { requireLayout } from "./require_layout.ts";
import type {
  BlobOptions,
  BlobState,
  CallOptions,
  FreeOptions,
  PutOptions,
  ReadOptions,
  ReferrersOptions,
  ReuseOptions,
  Store,
  TagsOptions,
  WriteOptions,
} from "../store/store.ts";

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
  readonly onEvent: OnEvent | undefined;
  readonly patience: Patience = { policy: DEFAULT_RETRY_POLICY, clock: systemClock };
  readonly chunkSize: number = 5 * 1024 ** 3;
  readonly #directory: string;
  readonly #beside: ((repository: string) => string) | undefined;
  readonly #blobs: LayoutBlobs;
  readonly #garbage: Garbage;

  /** @param options where it is */
  constructor(options: LayoutOptions) {
    this.name = options.name;
    this.#directory = options.directory;
    this.#beside = options.beside;
    this.onEvent = options.onEvent;
    this.#blobs = new LayoutBlobs(options);
    this.#garbage = new Garbage(this.#blobs);
  }

  get url(): string {
    return pathToFileURL(this.#directory).href;
  }

  blobUrl(digest: Digest): URL {
    return pathToFileURL(this.#blobs.path(digest));
  }

  async stat(digest: Digest, { signal }: BlobOptions = {}): Promise<number | undefined> {
    signal?.throwIfAborted();
    return await this.#blobs.stat(digest);
  }

  async read(digest: Digest, options: BlobOptions = {}): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return verified(await this.readUnverified(digest, { ...options, range: undefined }), digest);
  }

  async readUnverified(
    digest: Digest,
    options: ReadOptions = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    options.signal?.throwIfAborted();
    if (options.range) checkRange(options.range);
    return await this.#blobs.read(digest, options);
  }

  async write(source: Source, options: WriteOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return await this.#blobs.write(source, withChannel(options, this));
  }

  async reuse(
    { digest, size }: SizedBlob,
    { reread, listed, signal }: ReuseOptions = {},
  ): Promise<BlobState> {
    signal?.throwIfAborted();
    const found = await this.#blobs.stat(digest);
    if (found === undefined) return "absent";
    if (found !== size || reread && !await this.#blobs.isWhole(digest)) return "damaged";
    if (listed) return "present";
    // Somebody may have removed it meanwhile.
    return await this.#blobs.claim(digest) === undefined ? "absent" : "present";
  }

  async mount(digest: Digest, from: string, { signal }: CallOptions = {}): Promise<boolean> {
    parseRepository(from);
    signal?.throwIfAborted();
    if (await this.#blobs.claim(digest) !== undefined) return true;
    return this.#beside !== undefined && await this.#blobs.link(digest, this.#beside(from));
  }

  async remove(digest: Digest, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#blobs.remove(digest);
  }

  async manifest(
    reference: string,
    { signal, onEvent = this.onEvent }: CallOptions = {},
  ): Promise<Manifest | undefined> {
    signal?.throwIfAborted();
    const entry = await this.#entry(reference);
    const digest = entry?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const bytes = await this.#blobs.manifest(digest);
    if (bytes === undefined) return await this.#unlessMissing(reference, entry, onEvent);
    if (entry && entry.size !== bytes.length) {
      const message = `${this.name} says that ${digest} has ${entry.size} bytes, it has ${bytes.length}`;
      onEvent?.({ type: "notice", message });
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
    requireStorable(reference, manifest);
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      await this.#requireBlobs(manifest);
      await writeAtomically(this.#blobs.path(manifest.digest), manifest.bytes);
      if (child) return await this.#blobs.addClaim(manifest.digest); // until the index that lists it is listed
      await index.replace(withEntry(index.entries, reference, manifest));
      const named = index.entries.filter((entry) => isNamed(entry, reference));
      this.#garbage.add(reference, named.filter(({ digest }) => digest !== manifest.digest));
      this.#blobs.endClaims(await this.#garbage.reached(manifest));
    });
  }

  async referrers(
    digest: Digest,
    { listed, ...options }: ReferrersOptions = {},
  ): Promise<Descriptor[]> {
    const list = await fallbackReferrers(this, parseDigest(digest), options);
    if (listed) return distinct(list);
    const found: Descriptor[] = [];
    for (const { digest: each, size, mediaType = IMAGE_MANIFEST.oci } of await readEntries(this.#directory)) {
      options.signal?.throwIfAborted();
      const bytes = await this.#blobs.manifest(each);
      if (bytes && namesSubject(bytes, digest)) found.push({ mediaType, digest: each, size });
    }
    return distinct([...found, ...list]);
  }

  async removeManifest(reference: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (await this.#entry(reference) === undefined) return;
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      await this.#blobs.clearUp();
      await index.replace(index.entries.filter((entry) => !isNamed(entry, reference)));
      this.#garbage.add(reference, index.entries.filter((entry) => isNamed(entry, reference)));
    });
  }

  async free(references: readonly string[], { keepBlobs, signal }: FreeOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#garbage.has(references.map(parseReference))) return;
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      await this.#garbage.free(references, { listed: index.entries, keepBlobs });
    });
  }

  async *tags({ mustExist, signal }: TagsOptions = {}): AsyncGenerator<string> {
    signal?.throwIfAborted();
    const entries = await readEntries(this.#directory);
    if (mustExist && entries.length === 0) await requireLayout(this.#directory);
    yield* [...new Set(entries.map(tagOf).filter((tag) => tag !== undefined))].sort();
  }

  async untagged({ signal }: CallOptions = {}): Promise<Digest[]> {
    signal?.throwIfAborted();
    const entries = await readEntries(this.#directory);
    return [...new Set(entries.filter((entry) => tagOf(entry) === undefined).map(({ digest }) => digest))];
  }

  close(): void {
    this.#blobs[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #entry(reference: string): Promise<IndexEntry | undefined> {
    const name = parseReference(reference);
    return (await readEntries(this.#directory)).find((entry) => isNamed(entry, name));
  }

  /** The file of a manifest that was replaced or removed meanwhile is rightly gone. */
  async #unlessMissing(
    reference: string,
    entry: IndexEntry | undefined,
    onEvent: OnEvent | undefined,
  ): Promise<Manifest | undefined> {
    if (!entry) return undefined;
    const { digest } = await this.#entry(reference) ?? {};
    if (digest !== entry.digest) return await this.manifest(reference, { onEvent });
    throw new NotFoundError(`${this.name} lists the manifest ${entry.digest}, but its file is missing`);
  }

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  async #requireBlobs(manifest: Manifest): Promise<void> {
    const { blobs, manifests } = referencesOf(manifest.bytes);
    for (const digest of [...blobs, ...manifests]) {
      if (await this.#blobs.stat(digest) !== undefined) continue;
      throw new RegistryError(`the manifest lists the blob ${digest}, which ${this.name} does not have`, {
        codes: ["MANIFEST_BLOB_UNKNOWN"],
      });
    }
  }
}

/** Whoever asks for a digest gets nothing else, though the layout has it for a tag. */
function isNamed(entry: IndexEntry, reference: string): boolean {
  return (isDigest(reference) ? entry.digest : tagOf(entry)) === reference;
}

function withEntry(entries: IndexEntry[], reference: string, manifest: Manifest): IndexEntry[] {
  const described = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
  if (!isDigest(reference)) {
    const others = entries.filter((entry) => tagOf(entry) !== reference);
    return [...others, { ...described, annotations: { [REF_NAME]: reference } }];
  }
  return entries.some((entry) => entry.digest === reference) ? entries : [...entries, described];
}
