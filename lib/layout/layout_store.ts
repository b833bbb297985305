/** The store that is a directory: an OCI image layout. @module */
import { pathToFileURL } from "node:url";
import { verified } from "../content/byte_stream.ts";
import type { ByteStream } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { type OnEvent, withChannel } from "../events.ts";
import type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Family } from "../oci/media_types.ts";
import { parseRepository } from "../oci/reference.ts";
import { checkRange } from "../store/checks.ts";
import { FamilyChoice, type ManifestFormat } from "../store/manifest_format.ts";
import type {
  BlobOptions,
  BlobProof,
  BlobState,
  CallOptions,
  ChangeOptions,
  DraftFile,
  FreeOptions,
  PutOptions,
  ReadOptions,
  ReferrersOptions,
  ReuseOptions,
  Store,
  TagsOptions,
  UploadsInPieces,
  WriteOptions,
} from "../store/store.ts";
import { Blobs } from "./blobs.ts";
import { Manifests } from "./manifests.ts";
import { LayoutUploads } from "./uploads.ts";

/** Where a layout is, and what it is called. */
export interface LayoutOptions {
  /** The layout's directory; the first write creates it. */
  directory: string;
  /** For messages, such as `oci:box/me/files`. */
  name: string;
  /** Gives the directory of another repository, from which blobs can be mounted. */
  beside?: (repository: string) => string;
  /** The format of new manifests; absent = OCI's, unless there is another under the name. */
  manifestFormat?: ManifestFormat | undefined;
  /** Receives the events of calls that are made without an `onEvent` of their own. */
  onEvent?: OnEvent | undefined;
}

/**
 * An OCI image layout directory as a store. Blobs and `index.json` appear atomically, and writers of several processes take
 * turns. New manifests are written in the OCI family, because readers such as skopeo see no others in a layout.
 */
export class LayoutStore implements Store {
  readonly name: string;
  readonly onEvent: OnEvent | undefined;
  readonly chunkSize: number = 5 * 1024 ** 3;
  readonly uploads: UploadsInPieces;
  readonly #directory: string;
  readonly #beside: ((repository: string) => string) | undefined;
  readonly #blobs: Blobs;
  readonly #manifests: Manifests;
  readonly #choice: FamilyChoice;

  /** @param options where the layout is */
  constructor(options: LayoutOptions) {
    this.name = options.name;
    this.#directory = options.directory;
    this.#beside = options.beside;
    this.onEvent = options.onEvent;
    this.#choice = new FamilyChoice("oci", options.manifestFormat);
    this.#blobs = new Blobs(options);
    this.uploads = new LayoutUploads(options, this.#blobs);
    this.#manifests = new Manifests({ ...options, url: this.url }, this.#blobs);
  }

  get family(): Family {
    return this.#choice.family;
  }

  changeFamily(family: Family): boolean {
    return this.#choice.change(family);
  }

  familyBeside(existing: Family | undefined): Family {
    return this.#choice.beside(existing);
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

  async read(digest: Digest, options: BlobOptions = {}): Promise<ByteStream> {
    return verified(await this.readUnverified(digest, { ...options, range: undefined }), digest);
  }

  async readUnverified(
    digest: Digest,
    options: ReadOptions = {},
  ): Promise<ByteStream> {
    options.signal?.throwIfAborted();
    if (options.range) checkRange(options.range);
    return await this.#blobs.read(digest, options);
  }

  async prove(digest: Digest): Promise<BlobProof | undefined> {
    return await this.#blobs.prove(digest);
  }

  async write(source: Source, options: WriteOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return await this.#blobs.write(source, withChannel(options, this));
  }

  async writePlaced(
    blob: SizedBlob,
    place: (file: DraftFile) => Promise<void>,
    options: CallOptions = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#blobs.writePlaced(blob, place, options);
  }

  async reuse(
    { digest, size }: SizedBlob,
    { reread, held, signal }: ReuseOptions = {},
  ): Promise<BlobState> {
    signal?.throwIfAborted();
    const found = await this.#blobs.stat(digest);
    if (found === undefined) return "absent";
    if (found !== size || reread && !await this.#blobs.isWhole(digest)) return "damaged";
    if (held) return "present";
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

  async manifest(reference: string, options?: CallOptions): Promise<Manifest | undefined> {
    return await this.#manifests.manifest(reference, options);
  }

  async resolve(reference: string, options?: CallOptions): Promise<Digest | undefined> {
    return await this.#manifests.resolve(reference, options);
  }

  async referrers(digest: Digest, options?: ReferrersOptions): Promise<Descriptor[]> {
    return await this.#manifests.referrers(digest, options);
  }

  tags(options?: TagsOptions): AsyncIterable<string> {
    return this.#manifests.tags(options);
  }

  async untagged(options?: CallOptions): Promise<Digest[]> {
    return await this.#manifests.untagged(options);
  }

  async putManifest(reference: string, manifest: Manifest, options?: PutOptions): Promise<void> {
    await this.#manifests.putManifest(reference, manifest, options);
  }

  async putManifests(manifests: ReadonlyMap<string, Manifest>, options?: ChangeOptions): Promise<void> {
    await this.#manifests.putManifests(manifests, options);
  }

  async removeManifests(references: readonly string[], options?: ChangeOptions): Promise<void> {
    await this.#manifests.removeManifests(references, options);
  }

  async removeManifest(reference: string, options?: ChangeOptions): Promise<void> {
    await this.#manifests.removeManifest(reference, options);
  }

  async free(references: readonly string[], options?: FreeOptions): Promise<void> {
    await this.#manifests.free(references, options);
  }

  close(): void {
    this.#manifests[Symbol.dispose]();
    this.#blobs[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
