/** Small blobs that a manifest carries itself (OCI image spec, descriptor.md, "Embedded Content"). @module */
import type { Bytes } from "../content/bytes.ts";
import { bytesSource } from "../content/source.ts";
import { NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { hasDigest } from "../oci/digest.ts";
import type { BlobReader } from "./store.ts";

/** The store, which gives the bytes that a descriptor carries where it does not have the blob. */
export function withEmbedded(store: BlobReader, blob: Descriptor): BlobReader {
  const bytes = embeddedBytes(blob);
  if (!bytes) return store;
  return {
    name: store.name,
    onEvent: store.onEvent,
    stat: async (digest, options) =>
      await store.stat(digest, options) ?? (digest === blob.digest ? bytes.length : undefined),
    read: (digest, options) => store.read(digest, options),
    readUnverified: async (digest, options = {}) => {
      try {
        return await store.readUnverified(digest, options);
      } catch (error) {
        if (!(error instanceof NotFoundError) || digest !== blob.digest) throw error;
        const { start, end } = options.range ?? {};
        return bytesSource(bytes).open(start, end);
      }
    },
    ...(store.waitToResume && { waitToResume: store.waitToResume.bind(store) }),
  };
}

/** The bytes, if they are those that the descriptor names. */
function embeddedBytes({ data, digest, size }: Descriptor): Bytes | undefined {
  if (data === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    return bytes.length === size && hasDigest(bytes, digest) ? bytes : undefined;
  } catch {
    return undefined; // it is not base64
  }
}
