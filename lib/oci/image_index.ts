/** Image indexes and docker's manifest lists: one manifest for each platform (OCI image spec, image-index.md). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { type Manifest, parseAs } from "./manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "./media_types.ts";
import { type Platform, platformSchema } from "./platform.ts";

/** One manifest that an index lists. */
export interface IndexedManifest extends Descriptor {
  /** Absent where the index does not say it, as for indexes in it. */
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

/** Whether a media type is that of an index, of either family. */
export function isIndexType(mediaType: string): boolean {
  return Object.values(IMAGE_INDEX).includes(mediaType);
}

/**
 * Whether a manifest is an index. Where no media type says it, its fields do: OCI manifests may have none.
 *
 * @throws {MismatchError} when it could be both: readers would not agree on what it is
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
 * Reads an index of either family.
 *
 * @throws {MismatchError} when it is malformed
 */
export function readIndex({ bytes, digest }: Manifest): IndexedManifest[] {
  return parseAs(indexSchema, bytes, `index ${digest}`).manifests;
}

/** Whether it can be run: builders put notes beside images, for a platform that does not exist. */
export function isRunnable({ platform, annotations }: IndexedManifest): boolean {
  return platform?.architecture !== "unknown" && annotations?.["vnd.docker.reference.type"] === undefined;
}
