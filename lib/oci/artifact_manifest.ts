/** Manifests of artifacts that have no config (OCI image spec, manifest.md, "Guidance for an Empty Descriptor"). @module */
import type { SizedBlob } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { encodeManifest, type Manifest } from "./manifest.ts";
import { IMAGE_MANIFEST, OCTET_STREAM } from "./media_types.ts";

/** The blob that stands for a config where there is none: `{}`. It has to be stored. */
export const EMPTY_CONFIG: Uint8Array<ArrayBuffer> = new TextEncoder().encode("{}");

/** Its media type. */
export const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** Makes the manifest of an artifact, whose layers are the blobs. */
export function artifactManifest(artifactType: string, blobs: readonly SizedBlob[]): Manifest {
  return encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    artifactType,
    config: { mediaType: EMPTY_TYPE, digest: digestOf(EMPTY_CONFIG), size: EMPTY_CONFIG.length },
    layers: blobs.map(({ digest, size }) => ({ mediaType: OCTET_STREAM, digest, size })),
  });
}
