/** What manifests of all kinds list: images, indexes, artifacts, and docker's schema 1. @module */
import * as v from "valibot";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";
import { listedManifestSchema } from "./image_index.ts";
import { declaredMediaType, parseAs } from "./manifest.ts";
import { IMAGE_LAYER, isManifestType } from "./media_types.ts";

/** What a manifest of any kind lists. */
export interface References {
  /** The config, the layers, and the blobs of an artifact or of docker's schema 1. */
  blobs: ListedBlob[];
  /** What an index lists: manifests, and in build caches also blobs. */
  manifests: Descriptor[];
  /** Whether that is all. A manifest of an unknown kind may need more. */
  isComplete: boolean;
}

/** A blob that a manifest lists. */
export interface ListedBlob extends Omit<Descriptor, "size"> {
  /** The number of bytes; `undefined` in docker's schema 1, which does not say it. */
  size: number | undefined;
  /** Where else the blob is, as the manifest says. The store may have it all the same. */
  urls: string[];
}

const blobsSchema = v.nullish(
  v.array(v.object({ ...descriptorSchema.entries, urls: v.nullish(v.array(v.string())) })),
  [],
);
const schema1Layer = v.object({ blobSum: v.custom<Digest>(isDigest, "is not a sha256 or sha512 digest") });
const referencesSchema = v.object({
  config: v.nullish(descriptorSchema),
  layers: blobsSchema,
  blobs: blobsSchema,
  fsLayers: v.nullish(v.array(schema1Layer), []),
  manifests: v.nullish(v.array(listedManifestSchema), []),
});
const unknownSchema = v.fallback(referencesSchema, { layers: [], blobs: [], fsLayers: [], manifests: [] });

/**
 * Everything that a manifest lists.
 *
 * @param mediaType that of the manifest if it declares none
 * @throws {MismatchError} if it is not JSON, or is of a known kind and malformed
 */
export function referencesOf(bytes: Uint8Array, mediaType?: string): References {
  const type = declaredMediaType(bytes) ?? mediaType;
  const isKnown = type === undefined || isManifestType(type);
  const found = parseAs(isKnown ? referencesSchema : unknownSchema, bytes, "manifest");
  const config = found.config ? [{ ...found.config, urls: [] }] : [];
  const blobs = [...found.layers, ...found.blobs].map(({ urls, ...blob }) => {
    return { ...blob, urls: urls ?? [] };
  });
  return {
    blobs: [
      ...config,
      ...blobs,
      ...found.fsLayers.map(({ blobSum }) => ({
        mediaType: IMAGE_LAYER.docker.gzip,
        digest: blobSum,
        size: undefined,
        urls: [],
      })),
    ],
    manifests: found.manifests,
    isComplete: isKnown,
  };
}

/**
 * The config and the layers that an image manifest lists, except layers that are stored elsewhere (`urls`).
 *
 * @throws {MismatchError} if it is malformed
 */
export function listedBlobs(bytes: Uint8Array): Descriptor[] {
  return referencesOf(bytes).blobs.flatMap(({ urls, size, mediaType, digest, annotations }) =>
    urls.length > 0 || size === undefined ? [] : [{ mediaType, digest, size, annotations }]
  );
}
