/** The images that an archive lists, and those of a packed layout. @module */
import type { Bytes } from "../content/bytes.ts";
import type { ByteRange } from "../content/source.ts";
import type { IndexEntry } from "../layout/index_entry.ts";
import { MAX_INDEX_SIZE, parseEntries } from "../layout/index_json.ts";
import { type Digest, layoutPath } from "../oci/digest.ts";
import { MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import type { TarFile } from "./tar_file.ts";

/** The images of an archive, and where their blobs are. */
export interface ArchivedImages {
  /** What the archive lists. */
  entries: readonly IndexEntry[];
  /** The bytes of the list, if it is an index of OCI. */
  index?: Bytes | undefined;
  /** A blob by its place in the archive, or in memory; `undefined` = absent. Its bytes are still to be verified. */
  find(digest: Digest): ByteRange | Bytes | undefined;
}

/**
 * Reads the index of a layout that is packed into an archive, as `oci-archive:` of podman and skopeo has it.
 *
 * @returns `undefined` if the archive has no `index.json`
 * @throws {MismatchError} if it is malformed
 */
export async function packedLayout(tar: TarFile): Promise<ArchivedImages | undefined> {
  const bytes = await tar.bytes("index.json", MAX_INDEX_SIZE);
  return bytes && {
    index: bytes.length <= MAX_MANIFEST_SIZE ? bytes : undefined,
    entries: parseEntries(bytes, `index.json of ${tar.path}`),
    find: (digest) => tar.find(layoutPath(digest)),
  };
}
