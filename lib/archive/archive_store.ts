/** The store that is an archive of images, such as `docker save` makes: it is read in place, and never changed. @module */
import { pathToFileURL } from "node:url";
import { verified } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { bytesSource } from "../content/source.ts";
import { InvalidInputError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { fullNames } from "../layout/entry_names.ts";
import { ListedManifests } from "../layout/listed_manifests.ts";
import { rangeToRead, readStoredManifest, type StoredBlobs } from "../layout/stored_blobs.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Family } from "../oci/media_types.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import type { ArchiveAddress } from "../oci/address.ts";
import { checkRange } from "../store/checks.ts";
import type { BlobOptions, BlobState, CallOptions, ReadOptions, Store } from "../store/store.ts";
import { type ArchivedImages, packedLayout } from "./archived_images.ts";
import { dockerImages } from "./docker_images.ts";
import { TarFile } from "./tar_file.ts";

/**
 * An archive of images as a store, without unpacking it: its headers are read once, and blobs as ranges of the file. Every
 * method that would change it fails with an {@linkcode InvalidInputError}.
 */
export class ArchiveStore extends ListedManifests implements Store {
  readonly family = "oci";
  readonly chunkSize: number = 5 * 1024 ** 3;
  readonly #archive: OpenedArchive;

  /** Reads nothing yet. */
  constructor(address: ArchiveAddress, { onEvent }: { onEvent?: OnEvent | undefined } = {}) {
    const archive = new OpenedArchive(address);
    super({ name: address.name, url: pathToFileURL(address.file).href, onEvent }, {
      entries: async (signal) => (await archive.open(signal)).images.entries,
      manifest: (digest) => archive.manifest(digest),
      shortNames: true,
      index: async () => (await archive.open()).images.index,
    });
    this.#archive = archive;
  }

  async fullNames({ signal }: CallOptions = {}): Promise<string[]> {
    return fullNames((await this.#archive.open(signal)).images.entries);
  }

  changeFamily(family: Family): boolean {
    return family === this.family;
  }

  familyBeside(): Family {
    return this.family;
  }

  blobUrl(digest: Digest): URL {
    return new URL(`#${parseDigest(digest)}`, this.url);
  }

  async stat(digest: Digest, { signal }: BlobOptions = {}): Promise<number | undefined> {
    return await this.#archive.stat(digest, signal);
  }

  async read(digest: Digest, options: BlobOptions = {}): Promise<ByteStream> {
    return verified(await this.readUnverified(digest, { ...options, range: undefined }), digest);
  }

  async readUnverified(
    digest: Digest,
    options: ReadOptions = {},
  ): Promise<ByteStream> {
    if (options.range) checkRange(options.range);
    return await this.#archive.read(digest, options);
  }

  write(): Promise<Descriptor> {
    return this.#refuse();
  }

  reuse(): Promise<BlobState> {
    return this.#refuse();
  }

  mount(): Promise<boolean> {
    return this.#refuse();
  }

  remove(): Promise<void> {
    return this.#refuse();
  }

  putManifest(): Promise<void> {
    return this.#refuse();
  }

  removeManifest(): Promise<void> {
    return this.#refuse();
  }

  close(): void {}

  [Symbol.dispose](): void {}

  #refuse(): Promise<never> {
    return Promise.reject(
      new InvalidInputError(`${this.name} is an archive, and archives are only read`, {
        hint: "copy to oci:DIR, and pack that, as in: tar cf FILE.tar -C DIR .",
      }),
    );
  }
}

/** An archive, which is opened once, when it is first read. */
class OpenedArchive implements StoredBlobs {
  readonly #address: ArchiveAddress;
  #opened: Promise<{ tar: TarFile; images: ArchivedImages }> | undefined;

  constructor(address: ArchiveAddress) {
    this.#address = address;
  }

  async open(signal?: AbortSignal): Promise<{ tar: TarFile; images: ArchivedImages }> {
    this.#opened ??= this.#read(signal).catch((error) => {
      this.#opened = undefined; // who interrupted it may read it later
      throw error;
    });
    return await this.#opened;
  }

  async stat(digest: Digest, signal?: AbortSignal): Promise<number | undefined> {
    parseDigest(digest);
    const found = (await this.open(signal)).images.find(digest);
    if (!found) return undefined;
    return found instanceof Uint8Array ? found.length : found.end - found.start;
  }

  async read(
    digest: Digest,
    { range, signal }: ReadOptions = {},
  ): Promise<ByteStream> {
    const size = await this.stat(digest, signal);
    signal?.throwIfAborted();
    const { start, end } = rangeToRead({ digest, size, store: this.#address.name }, range);
    const { tar, images } = await this.open(signal);
    const found = images.find(digest)!;
    if (found instanceof Uint8Array) return bytesSource(found).open(start, end);
    return tar.read({ start: found.start + start, end: found.start + end }, signal);
  }

  async manifest(digest: Digest): Promise<Bytes | undefined> {
    return await readStoredManifest(this, digest);
  }

  async #read(signal: AbortSignal | undefined): Promise<{ tar: TarFile; images: ArchivedImages }> {
    const { file, form } = this.#address;
    const tar = await TarFile.open(file, signal);
    const images = form === "docker"
      ? await dockerImages(tar, signal) ?? await packedLayout(tar)
      : await packedLayout(tar) ?? await dockerImages(tar, signal);
    if (images) return { tar, images };
    throw new InvalidInputError(
      `${file} is not an archive of images: it has no index.json or manifest.json`,
      {
        hint: "use a file of docker save, podman save, skopeo copy or crane pull",
      },
    );
  }
}
