/** Media types of manifests, configs and layers, and which of them belong together. @module */

/** The two families of image formats: docker's schema 2, and the OCI image spec that grew out of it. */
export type Family = "docker" | "oci";

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
