/** Image indexes and docker's manifest lists: one manifest per platform (OCI image spec, image-index.md). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { type Manifest, parseAs } from "./manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "./media_types.ts";
import { type Platform, platformSchema } from "./platform.ts";

/** One manifest that an index lists. */
export interface IndexedManifest extends Descriptor {
  /** The platform of the image; absent where the index names none, as for an index within the index. */
  platform?: Platform | undefined;
}

const indexSchema = v.object({
  schemaVersion: v.literal(2),
  manifests: v.array(v.object({
    ...descriptorSchema.entries,
    mediaType: v.optional(v.string(), IMAGE_MANIFEST.oci),
    platform: v.optional(platformSchema),
  })),
});

const kindSchema = v.looseObject({ manifests: v.optional(v.unknown()), layers: v.optional(v.unknown()) });

/** Whether a media type is an index's: OCI's or docker's. */
export function isIndexType(mediaType: string): boolean {
  return Object.values(IMAGE_INDEX).includes(mediaType);
}

/**
 * Whether a manifest is an index. Its fields decide where its media type is missing, as OCI allows, or unknown.
 *
 * @throws {MismatchError} if it lists both manifests and layers: readers would disagree on what it is
 */
export function isIndex({ mediaType, bytes, digest }: Manifest): boolean {
  const { manifests, layers } = parseAs(kindSchema, bytes, `manifest ${digest}`);
  if (manifests !== undefined && layers !== undefined) {
    throw new MismatchError(`the manifest ${digest} is ambiguous: it lists both manifests and layers`);
  }
  if (isIndexType(mediaType)) return true;
  return !Object.values(IMAGE_MANIFEST).includes(mediaType) && manifests !== undefined;
}

/**
 * Reads an OCI image index or a docker manifest list.
 *
 * @throws {MismatchError} if it is malformed
 */
export function readIndex({ bytes, digest }: Manifest): IndexedManifest[] {
  return parseAs(indexSchema, bytes, `index ${digest}`).manifests;
}

/** Whether a listed manifest is an image that runs: BuildKit also lists attestations, under the platform `unknown`. */
export function isRunnable({ platform, annotations }: IndexedManifest): boolean {
  return platform?.architecture !== "unknown" && annotations?.["vnd.docker.reference.type"] === undefined;
}
