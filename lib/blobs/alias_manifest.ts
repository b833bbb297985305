/** Makes the manifest that an alias points to; in docker's family byte for byte as dxf writes it. @module */
import { InvalidInputError, MismatchError } from "../errors.ts";
import { artifactManifest } from "../oci/artifact_manifest.ts";
import { type SizedBlob, totalSize } from "../oci/descriptor.ts";
import { type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { type Family, IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";

/** The type of an alias in OCI's format. */
export const ALIAS_TYPE = "application/vnd.layerstash.alias.v1";

/**
 * Makes the manifest of an alias, whose layers are the blobs. In OCI's family it is an artifact with the empty config, which
 * has to be stored. A docker manifest must have the config of an image; the first blob stands in for it, so that no further
 * blob has to be stored. Its text is what Python's `json.dumps` writes with `sort_keys=True`: equal aliases have equal
 * manifests, whichever program made them.
 *
 * @throws {InvalidInputError} if there is no blob, or more than a manifest can list
 */
export function aliasManifest(blobs: readonly SizedBlob[], family: Family): Manifest {
  const [first] = blobs;
  if (!first) throw new InvalidInputError("an alias must point to at least one blob");
  const manifest = family === "oci" ? artifactManifest(ALIAS_TYPE, blobs) : dxfManifest(blobs, first);
  if (manifest.bytes.length <= MAX_MANIFEST_SIZE) return manifest;
  throw new InvalidInputError(
    `one manifest cannot list ${blobs.length} blobs: registries accept up to 4 MiB`,
  );
}

function dxfManifest(blobs: readonly SizedBlob[], first: SizedBlob): Manifest {
  const layers = blobs.map((blob) => descriptorText(blob, OCTET_STREAM)).join(", ");
  const config = descriptorText(first, IMAGE_CONFIG.docker);
  const type = IMAGE_MANIFEST.docker;
  const text = `{"config": ${config}, "layers": [${layers}], "mediaType": "${type}", "schemaVersion": 2}`;
  return manifestOf(new TextEncoder().encode(text), type);
}

function descriptorText({ digest, size }: SizedBlob, mediaType: string): string {
  return `{"digest": "${digest}", "mediaType": "${mediaType}", "size": ${size}}`;
}

/**
 * The total size of blobs in bytes.
 *
 * @throws {MismatchError} if it exceeds 2^53 - 1: a manifest may claim any sizes
 */
export function totalBlobSize(blobs: readonly SizedBlob[]): number {
  const size = totalSize(blobs);
  if (Number.isSafeInteger(size)) return size;
  throw new MismatchError(`the manifest claims an impossible size: its blobs have ${size} bytes in total`);
}
