/** Readers of a store that does not exist, made of the few answers that a test needs. @module */
import type { BlobReader, ManifestReader } from "../../lib/store/store.ts";

/** Reads blobs with these methods; a call of any other fails. */
export function blobReader(methods: Partial<BlobReader>): BlobReader {
  return {
    name: "the store",
    stat: () => unexpected("stat"),
    read: () => unexpected("read"),
    readUnverified: () => unexpected("readUnverified"),
    ...methods,
  };
}

/** Reads manifests with these methods; a call of any other fails. */
export function manifestReader(methods: Partial<ManifestReader>): ManifestReader {
  return {
    name: "the store",
    url: "https://registry.test/v2/store/",
    manifest: () => unexpected("manifest"),
    resolve: () => unexpected("resolve"),
    referrers: () => unexpected("referrers"),
    tags: () => unexpected("tags"),
    ...methods,
  };
}

function unexpected(method: string): never {
  throw new Error(`a call of ${method} was not expected`);
}
