/** The manifest that an alias points to, byte for byte as dxf writes it. @module */
import { InvalidInputError, MismatchError } from "../errors.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../oci/media_types.ts";

/**
 * Makes the manifest of an alias: its layers are the blobs. A docker manifest has to have a config; that is the
 * first of them, so that no blob has to be stored beside those that are wanted. The text is what Python's
 * `json.dumps(..., sort_keys=True)` writes: equal aliases have equal manifests, whoever made them.
 *
 * @throws {InvalidInputError} when there is no blob, or more than a manifest can list
 */
export function aliasManifest(blobs: readonly SizedBlob[]): Manifest {
  const [first] = blobs;
  if (!first) throw new InvalidInputError("an alias points to one blob at least");
  const layers = blobs.map((blob) => descriptorText(blob, OCTET_STREAM)).join(", ");
  const config = descriptorText(first, IMAGE_CONFIG.docker);
  const type = IMAGE_MANIFEST.docker;
  const text = `{"config": ${config}, "layers": [${layers}], "mediaType": "${type}", "schemaVersion": 2}`;
  if (text.length <= MAX_MANIFEST_SIZE) return manifestOf(new TextEncoder().encode(text), type);
  throw new InvalidInputError(`one manifest cannot list ${blobs.length} blobs: registries take 4 MiB`);
}

function descriptorText({ digest, size }: SizedBlob, mediaType: string): string {
  return `{"digest": "${digest}", "mediaType": "${mediaType}", "size": ${size}}`;
}

/**
 * How many bytes blobs have in all.
 *
 * @throws {MismatchError} when there are more than numbers are exact: a manifest may say anything
 */
export function totalSize(blobs: readonly SizedBlob[]): number {
  const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
  if (Number.isSafeInteger(size)) return size;
  throw new MismatchError(`the sizes of the blobs cannot be: they are ${size} bytes in all`);
}
