/** The entries of `index.json` (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import { annotationsSchema, type SizedBlob } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { understoodBy } from "../oci/image_index.ts";
import type { Manifest } from "../oci/manifest.ts";
import { type Platform, platformSchema } from "../oci/platform.ts";

/** The annotation that holds the tag of an entry. */
const REF_NAME = "org.opencontainers.image.ref.name";
/** The annotation that holds the full name of an image, beside its bare tag: docker and containerd write it. */
const IMAGE_NAME = "io.containerd.image.name";

/** A manifest that the layout lists. */
export interface IndexEntry extends SizedBlob {
  mediaType?: string | undefined;
  /** The tag; podman and skopeo write full names here, and OCI allows any text. */
  tag?: string | undefined;
  /** The full name of the image where docker or containerd has written it. */
  imageName?: string | undefined;
  platform?: Platform | undefined;
  /** The entry as it is in the file. */
  raw: unknown;
}

const entrySchema = v.object({
  mediaType: v.nullish(v.string()),
  digest: v.custom<Digest>(isDigest),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: annotationsSchema,
  platform: v.fallback(v.nullish(platformSchema), undefined),
});

/** The entries that are understood. Others, such as those with digests of unknown algorithms, are passed over. */
export function entriesOf(manifests: readonly unknown[]): IndexEntry[] {
  return manifests.flatMap((raw) => {
    const entry = understoodBy(entrySchema, raw);
    if (!entry) return [];
    const { mediaType, digest, size, annotations, platform } = entry;
    return [{
      mediaType: mediaType || undefined,
      digest,
      size,
      tag: annotations?.[REF_NAME],
      imageName: annotations?.[IMAGE_NAME],
      platform: platform ?? undefined,
      raw,
    }];
  });
}

/** Makes the entry of a manifest. It gets the names of the entry that it replaces. */
export function entryFor(
  { mediaType, digest, bytes: { length: size } }: Manifest,
  { tag, imageName }: Pick<IndexEntry, "tag" | "imageName">,
): IndexEntry {
  const annotations = {
    ...(tag !== undefined && { [REF_NAME]: tag }),
    ...(imageName !== undefined && { [IMAGE_NAME]: imageName }),
  };
  const raw = { mediaType, digest, size, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return { mediaType, digest, size, tag, imageName, raw };
}

/** An entry as it is in the file, without the names that it gives to its manifest. */
export function withoutNames({ raw }: IndexEntry): Record<string, unknown> {
  const { annotations, ...fields } = raw as { annotations?: Record<string, unknown> };
  const { [REF_NAME]: _tag, [IMAGE_NAME]: _name, ...others } = annotations ?? {};
  return { ...fields, ...(Object.keys(others).length > 0 && { annotations: others }) };
}
