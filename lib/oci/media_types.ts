/** Media types of manifests, configs and layers, and which of them belong together. @module */

/** The two families of image formats: docker's schema 2, and the OCI image spec that grew out of it. */
export type Family = "docker" | "oci";

/** Both families. */
export const FAMILIES: readonly Family[] = ["docker", "oci"];

/** The media types of image manifests, which list a config and layers. */
export const IMAGE_MANIFEST: Record<Family, string> = {
  docker: "application/vnd.docker.distribution.manifest.v2+json",
  oci: "application/vnd.oci.image.manifest.v1+json",
};

/** The media types of indexes, which list one manifest per platform. */
export const IMAGE_INDEX: Record<Family, string> = {
  docker: "application/vnd.docker.distribution.manifest.list.v2+json",
  oci: "application/vnd.oci.image.index.v1+json",
};

/** The media types of image configs. */
export const IMAGE_CONFIG: Record<Family, string> = {
  docker: "application/vnd.docker.container.image.v1+json",
  oci: "application/vnd.oci.image.config.v1+json",
};

/** The media types of layers that are tar archives, by family and compression. */
export const IMAGE_LAYER: Record<Family, Record<"none" | "gzip" | "zstd", string>> = {
  docker: {
    none: "application/vnd.docker.image.rootfs.diff.tar",
    gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  },
  oci: {
    none: "application/vnd.oci.image.layer.v1.tar",
    gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  },
};

/** The media type of a stash's layers: bytes of no declared kind. */
export const OCTET_STREAM = "application/octet-stream";

/** The media types that layerstash accepts in an answer to a request for a manifest. */
export const MANIFEST_TYPES: readonly string[] = [
  IMAGE_MANIFEST.docker,
  IMAGE_MANIFEST.oci,
  IMAGE_INDEX.docker,
  IMAGE_INDEX.oci,
];

/** The artifact type of images that are stored encrypted: see `lib/images/encrypted_image.ts`. */
export const ENCRYPTED_IMAGE = "application/vnd.layerstash.encrypted.v1";

/** The media type of OCI's artifact manifests, which oras 1.0 and notation have written. They list `blobs`. */
export const ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json";

/** The media types of docker's manifests of schema 1. They list `fsLayers`. */
export const SCHEMA_1: readonly string[] = [
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/** Whether a media type is that of a manifest whose lists are known. */
export function isManifestType(mediaType: string): boolean {
  return [...MANIFEST_TYPES, ARTIFACT_MANIFEST, ...SCHEMA_1].includes(mediaType);
}

/** Whether a media type is that of a layer or a config. Indexes of build caches list such blobs. */
export function isBlobType(mediaType: string): boolean {
  return mediaType === OCTET_STREAM ||
    /^application\/vnd\.(oci\.image\.(layer|config)|docker\.(image|container\.image)|buildkit)\./.test(
      mediaType,
    );
}
