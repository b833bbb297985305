/** The two families of an image's manifest: the same lists, with the media types of docker or of OCI. @module */
import { encodeManifest, type Manifest } from "./manifest.ts";
import { type Family, IMAGE_CONFIG, IMAGE_MANIFEST } from "./media_types.ts";

/** The family of an image's manifest, which is that of its config and layers. */
export function familyOf({ mediaType }: Pick<Manifest, "mediaType">): Family {
  return mediaType === IMAGE_MANIFEST.docker ? "docker" : "oci";
}

/**
 * The manifest of a chunk in a family. One that is in the family already stays as it is, to the byte; else the media types of
 * the manifest and of its config change, and with them its digest. The blobs are the same. Layers have annotations in OCI's
 * family alone.
 */
export function inFamily(manifest: Manifest, family: Family): Manifest {
  if (familyOf(manifest) === family) return manifest;
  const { mediaType: _, config, schemaVersion, ...rest } = JSON.parse(
    new TextDecoder().decode(manifest.bytes),
  );
  if (family === "docker") rest.layers = rest.layers?.map(withoutAnnotations);
  return encodeManifest({
    schemaVersion,
    mediaType: IMAGE_MANIFEST[family],
    config: { ...config, mediaType: IMAGE_CONFIG[family] },
    ...rest,
  });
}

function withoutAnnotations({ annotations: _, ...layer }: Record<string, unknown>): Record<string, unknown> {
  return layer;
}
