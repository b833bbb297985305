/** Image indexes and docker's manifest lists: one manifest per platform (OCI image spec, image-index.md). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { isDigest } from "./digest.ts";
import { ambiguousKey } from "./exact_keys.ts";
import { type Manifest, parseAs } from "./manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "./media_types.ts";
import { type Platform, platformSchema } from "./platform.ts";

/** One manifest that an index lists. */
export interface IndexedManifest extends Descriptor {
  /** The platform of the image; absent where the index names none, as for an index within the index. */
  platform?: Platform | undefined;
}

/** Validates what an index lists. Go writes an empty text or `null` for a field that has no value. */
export const listedManifestSchema: v.GenericSchema<unknown, IndexedManifest> = v.object({
  ...descriptorSchema.entries,
  mediaType: v.pipe(v.nullish(v.string(), ""), v.transform((given) => given || IMAGE_MANIFEST.oci)),
  platform: v.pipe(v.nullish(platformSchema), v.transform((given) => given ?? undefined)),
});

const indexSchema = v.object({
  schemaVersion: v.literal(2),
  manifests: v.nullish(v.array(listedManifestSchema), []),
});

const understoodSchema = v.object({
  schemaVersion: v.literal(2),
  manifests: v.pipe(
    v.nullish(v.array(v.unknown()), []),
    v.transform((entries) => entries.map(understoodEntry).filter((entry) => entry !== undefined)),
  ),
});

/** What an entry of an index says; `undefined` = it is not understood. */
export function understoodEntry(entry: unknown): IndexedManifest | undefined {
  return understoodBy(listedManifestSchema, entry);
}

/**
 * What an entry of an index says by a schema; `undefined` = it is not understood, such as one whose digest is of an unknown
 * algorithm, or one that readers disagree on.
 */
export function understoodBy<T>(schema: v.GenericSchema<unknown, T>, entry: unknown): T | undefined {
  if (!isDigest((entry as { digest?: unknown } | null)?.digest)) return undefined; // at once: there may be millions
  const { success, output } = v.safeParse(schema, entry);
  return success && ambiguousKey(schema, entry) === undefined ? output : undefined;
}

const anything = v.nullish(v.unknown());
const kindSchema = v.looseObject({
  ...{ schemaVersion: anything, mediaType: anything, config: anything },
  ...{ manifests: anything, layers: anything, blobs: anything, fsLayers: anything },
});

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
  const lists = parseAs(kindSchema, bytes, `manifest ${digest}`);
  const [hasManifests, hasLayers] = [lists.manifests, lists.layers].map((list) =>
    (list ?? undefined) !== undefined
  );
  if (hasManifests && hasLayers) {
    throw new MismatchError(`the manifest ${digest} is ambiguous: it lists both manifests and layers`);
  }
  if (isIndexType(mediaType)) return true;
  return !Object.values(IMAGE_MANIFEST).includes(mediaType) && Boolean(hasManifests);
}

/**
 * Reads an OCI image index or a docker manifest list.
 *
 * @throws {MismatchError} if it is malformed
 */
export function readIndex({ bytes, digest }: Manifest): IndexedManifest[] {
  return parseAs(indexSchema, bytes, `index ${digest}`).manifests;
}

/**
 * The entries of an index that are understood, for whoever chooses one. Others, such as those with digests
 * of unknown algorithms, are passed over.
 *
 * @throws {MismatchError} if it is not an index
 */
export function understoodEntries({ bytes, digest }: Manifest): IndexedManifest[] {
  return parseAs(understoodSchema, bytes, `index ${digest}`).manifests;
}

/** Whether a listed manifest is an image that runs: BuildKit also lists attestations, under the platform `unknown`. */
export function isRunnable(
  { platform, annotations }: Pick<IndexedManifest, "platform" | "annotations">,
): boolean {
  return platform?.architecture !== "unknown" && annotations?.["vnd.docker.reference.type"] === undefined;
}
