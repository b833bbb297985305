/** Builds the new images, and the indexes that list them, from those of the base. @module */
import { bytesSource } from "../content/source.ts";
import type { ImageTree } from "../copy/image_tree.ts";
import { withoutProgress } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseExactly } from "../oci/exact_json.ts";
import { isIndex, isRunnable, readIndex } from "../oci/image_index.ts";
import { type Manifest, manifestOf } from "../oci/manifest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { type BaseImage, type StepNote, withLayer } from "./appended_image.ts";
import type { MeasuredLayer } from "./measure_layer.ts";

/** The images of a tree to which a layer can be appended: all that run, without attestations. */
export function runnableImages({ manifest, children }: ImageTree): Manifest[] {
  if (!isIndex(manifest)) return [manifest];
  return children.filter(({ entry }) => isRunnable(entry!)).flatMap(runnableImages);
}

/** The blobs that the indexes of a tree list themselves. */
export function blobsOfIndexes({ manifest, children, blobs }: ImageTree): Descriptor[] {
  return isIndex(manifest) ? [...blobs, ...children.flatMap(blobsOfIndexes)] : [];
}

/** The new layer, and the images to which it is appended. */
export interface BuilderOptions extends CallOptions {
  /** The base images by digest. */
  bases: ReadonlyMap<Digest, BaseImage>;
  layer: MeasuredLayer;
  note: StepNote;
}

/** Builds images with a further layer, and stores their configs and all manifests but the outermost. */
export class ImageBuilder {
  readonly #store: Store;
  readonly #options: BuilderOptions;

  /** @param store the store of the new image, which has the layers already */
  constructor(store: Store, options: BuilderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Builds the new image or index, and stores everything that it lists. */
  async build(tree: ImageTree): Promise<Manifest> {
    const { bases, layer, note, signal, onEvent = this.#store.onEvent } = this.#options;
    if (isIndex(tree.manifest)) return await this.#buildIndex(tree);
    const { config, manifest } = withLayer(bases.get(tree.manifest.digest)!, layer, note);
    await this.#store.write(bytesSource(config), {
      checkFirst: true,
      signal,
      onEvent: withoutProgress(onEvent),
    });
    return manifest;
  }

  /** Entries keep their fields, but for the digest, the size, and a copy of the manifest (`data`). Blobs stay listed. */
  async #buildIndex({ manifest, children, blobs }: ImageTree): Promise<Manifest> {
    const { signal, onEvent } = this.#options;
    const parsed = readIndex(manifest);
    const raw = parseExactly(new TextDecoder().decode(manifest.bytes)) as { manifests: { data?: string }[] };
    const manifests: unknown[] = [];
    const trees = new Map(children.map((tree) => [tree.manifest.digest, tree]));
    for (const [index, { data, ...entry }] of raw.manifests.entries()) {
      const { digest } = parsed[index]!;
      const tree = trees.get(digest);
      if (!tree && blobs.some((blob) => blob.digest === digest)) manifests.push({ ...entry, data });
      if (!tree || !isRunnable(parsed[index]!)) continue;
      const child = await this.build(tree);
      await this.#store.putManifest(child.digest, child, { child: true, signal, onEvent });
      manifests.push({ ...entry, digest: child.digest, size: child.bytes.length });
    }
    return manifestOf(new TextEncoder().encode(JSON.stringify({ ...raw, manifests })), manifest.mediaType);
  }
}
