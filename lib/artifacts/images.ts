/** What is not a list of files: container images, encrypted folders, and the chunks of stored files. @module */
import { ENCRYPTED_IMAGE, IMAGE_CONFIG } from "../oci/media_types.ts";
import { isChunkLayer } from "../stash/chunk_image.ts";
import type { ArtifactReader } from "./artifact.ts";

/** Recognizes a chunk of a stored file, which is brought back with all other chunks. */
export const stashChunk: ArtifactReader = {
  kind: "chunk of a stored file",
  recognizes: ({ config, layers: [layer, ...more] }) =>
    layer !== undefined && more.length === 0 && isChunkLayer(layer, config),
  files: () => [],
};

/** Recognizes what is stored encrypted, and was not opened: a folder, as far as layerstash has stored it. */
export const encryptedFolder: ArtifactReader = {
  kind: "encrypted folder",
  recognizes: ({ artifactType }) => artifactType === ENCRYPTED_IMAGE,
  files: () => [],
};

/** The types of layers that container engines unpack. */
const IMAGE_LAYER = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;

/** Recognizes container images. Signatures have the config of an image, too, but layers of other types. */
export const containerImage: ArtifactReader = {
  kind: "container image",
  recognizes: ({ config, layers }) =>
    Object.values(IMAGE_CONFIG).includes(config.mediaType) &&
    (layers.length === 0 || layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType))),
  files: () => [],
};
