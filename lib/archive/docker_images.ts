/** The images of a `docker save`: its `manifest.json` names a config and layers, and has no manifests of OCI. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import { collect } from "../content/collect.ts";
import { Hasher } from "../content/hasher.ts";
import { MismatchError } from "../errors.ts";
import { MAX_CONFIG_SIZE } from "../images/image_config.ts";
import { type Compression, compressionOf } from "../layers/compression.ts";
import { entryFor, type IndexEntry } from "../layout/index_entry.ts";
import { quoted } from "../messages.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { encodeManifest, type Manifest, parseAs } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_LAYER, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { ArchivedImages } from "./archived_images.ts";
import type { TarFile } from "./tar_file.ts";

/** The largest `manifest.json` that is read, in bytes. That of a thousand images has some megabytes. */
const MAX_SIZE = 8 * 1024 * 1024;
/** How many bytes of configs and of manifests are read or made in all. Those of real images have some KiB each. */
const MOST_BYTES = 64 * 1024 * 1024;

const texts = v.nullish(v.array(v.string()), []);
const savedSchema = v.array(v.object({ Config: v.string(), RepoTags: texts, Layers: texts }));
type Saved = v.InferOutput<typeof savedSchema>[number];

const configSchema = v.object({
  rootfs: v.nullish(v.object({ diff_ids: v.nullish(v.array(v.custom<Digest>(isDigest)), []) })),
});

/**
 * Reads the images of a `docker save`, also as podman, skopeo and crane write it. Each gets a manifest of OCI that lists its
 * config and its layers as they are in the archive. The digest of a plain layer is in the config; compressed layers are
 * hashed.
 *
 * @returns `undefined` if the archive has no `manifest.json`
 * @throws {MismatchError} if it is malformed, or names a file that is missing
 */
export async function dockerImages(tar: TarFile, signal?: AbortSignal): Promise<ArchivedImages | undefined> {
  const bytes = await tar.bytes("manifest.json", MAX_SIZE);
  if (!bytes) return undefined;
  const reader = new DockerSave(tar);
  const entries: IndexEntry[] = [];
  for (const saved of parseAs(savedSchema, bytes, `manifest.json of ${tar.path}`)) {
    signal?.throwIfAborted();
    const manifest = await reader.manifestOf(saved, signal);
    const names = saved.RepoTags.length === 0 ? [{}] : saved.RepoTags.map(namesOf);
    for (const name of names) entries.push(entryFor(manifest, name));
  }
  return { entries, find: (digest) => reader.blobs.get(digest) };
}

/** A layer of the archive; the digest of a plain one is in the configs. */
interface FoundLayer {
  range: ByteRange;
  compression: Compression;
  digest?: Digest;
}

/** Makes manifests, and remembers where the blobs are. */
class DockerSave {
  readonly blobs: Map<Digest, ByteRange | Bytes> = new Map();
  readonly #tar: TarFile;
  /** The layers by their names, because images share them. */
  readonly #layers = new Map<string, FoundLayer>();
  #left = MOST_BYTES;

  constructor(tar: TarFile) {
    this.#tar = tar;
  }

  async manifestOf({ Config, Layers }: Saved, signal: AbortSignal | undefined): Promise<Manifest> {
    const bytes = await this.#tar.bytes(Config, MAX_CONFIG_SIZE);
    const range = this.#tar.find(Config);
    if (!bytes || !range) throw this.#missing(Config);
    this.#take(bytes);
    const digest = digestOf(bytes);
    this.blobs.set(digest, range);
    const diffIds = parseAs(configSchema, bytes, `config ${Config}`).rootfs?.diff_ids ?? [];
    if (diffIds.length !== Layers.length) {
      throw new MismatchError(
        `${this.#tar.path} is malformed: its image has ${Layers.length} layers, and its config ${diffIds.length}`,
      );
    }
    const layers: Descriptor[] = [];
    for (const [index, name] of Layers.entries()) {
      layers.push(await this.#layer(name, diffIds[index]!, signal));
    }
    const manifest = encodeManifest({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST.oci,
      config: { mediaType: IMAGE_CONFIG.oci, digest, size: bytes.length },
      layers,
    });
    this.#take(manifest.bytes);
    this.blobs.set(manifest.digest, manifest.bytes);
    return manifest;
  }

  /** Counts bytes that were read or made, so that a small archive with many images or layers does not fill the memory. */
  #take({ length }: Uint8Array): void {
    this.#left -= length;
    if (this.#left >= 0) return;
    throw new MismatchError(`the images of ${this.#tar.path} take more than ${MOST_BYTES} bytes to describe`);
  }

  async #layer(name: string, diffId: Digest, signal: AbortSignal | undefined): Promise<Descriptor> {
    const found = this.#layers.get(name) ?? await this.#findLayer(name, signal);
    this.#layers.set(name, found);
    const { range, compression, digest = diffId } = found;
    this.blobs.set(digest, range);
    return { mediaType: IMAGE_LAYER.oci[compression], digest, size: range.end - range.start };
  }

  async #findLayer(name: string, signal: AbortSignal | undefined): Promise<FoundLayer> {
    const range = this.#tar.find(name);
    if (!range) throw this.#missing(name);
    const { start, end } = range;
    const head = await collect(this.#tar.read({ start, end: Math.min(end, start + 4) }), 4);
    const compression = compressionOf(head);
    if (compression === "none") return { range, compression };
    using hasher = new Hasher();
    return { range, compression, digest: await hasher.file(this.#tar.path, range, { signal }) };
  }

  #missing(name: string): MismatchError {
    return new MismatchError(
      `${this.#tar.path} is malformed: it names ${quoted(name)}, and has no such file`,
    );
  }
}

/** The names of an image: `localhost/app:1` also goes by its tag, where no other image has the same. */
function namesOf(imageName: string): Pick<IndexEntry, "tag" | "imageName"> {
  const colon = imageName.lastIndexOf(":");
  return colon > imageName.lastIndexOf("/") ? { tag: imageName.slice(colon + 1), imageName } : { imageName };
}
