/** What is checked of blobs that lie on this machine, in a directory or in an archive, when they are read. @module */
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import type { ByteRange } from "../content/source.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import { counted } from "../messages.ts";
import { corrupted, type Digest, hasDigest } from "../oci/digest.ts";
import { MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import type { ReadOptions } from "../store/store.ts";

/** The blobs of a directory or an archive. */
export interface StoredBlobs {
  /** The size of a blob in bytes; `undefined` = absent. */
  stat(digest: Digest): Promise<number | undefined>;
  /** Opens a blob, or a range of it. */
  read(digest: Digest, options: ReadOptions): Promise<ByteStream>;
}

/**
 * The range of a blob that is to be read; where none is named, all of it.
 *
 * @param blob its digest and size (`undefined` = absent), and what messages call the store
 * @throws {NotFoundError} if the blob is absent
 * @throws {MismatchError} if it ends before the range does
 */
export function rangeToRead(
  { digest, size, store }: { digest: Digest; size: number | undefined; store: string },
  range?: ByteRange,
): ByteRange {
  if (size === undefined) throw new NotFoundError(`${store} has no blob ${digest}`);
  const { start, end } = range ?? { start: 0, end: size };
  if (end <= size) return { start, end };
  throw new MismatchError(
    `the blob ${digest} has ${counted(size, "byte")}, not the ${end} or more expected`,
  );
}

/**
 * The bytes of a manifest that is stored as a blob; `undefined` = absent.
 *
 * @throws {MismatchError} if it is too large, or its bytes have another digest
 */
export async function readStoredManifest(blobs: StoredBlobs, digest: Digest): Promise<Bytes | undefined> {
  const size = await blobs.stat(digest);
  if (size === undefined) return undefined;
  if (size > MAX_MANIFEST_SIZE) throw new MismatchError(`the manifest ${digest} is too large: ${size} bytes`);
  const bytes = await collect(await blobs.read(digest, { range: { start: 0, end: size } }), size);
  if (hasDigest(bytes, digest)) return bytes;
  throw corrupted(digest, "manifest");
}
