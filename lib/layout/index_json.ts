/** The text of an `index.json`: parses and encodes it (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { parseAs } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { entriesOf, type IndexEntry } from "./index_entry.ts";

/** The largest `index.json` that is read, in bytes. With 100,000 tags it has some 30 MB. */
export const MAX_INDEX_SIZE: number = 256 * 1024 * 1024;

/**
 * The index as it is in the file. Fields that other tools have added are kept as they are, and so are entries that are not
 * understood.
 */
export interface IndexJson {
  manifests: unknown[];
  [field: string]: unknown;
}

const indexSchema: v.GenericSchema<unknown, IndexJson> = v.looseObject({
  manifests: v.nullish(v.array(v.unknown()), []), // tools written in Go write null for an empty list
});

/**
 * Parses an index.
 *
 * @param what names the index in messages
 * @throws {MismatchError} if it is malformed
 */
export function parseIndex(bytes: Uint8Array, what: string): IndexJson {
  return parseAs(indexSchema, bytes, what);
}

/**
 * Parses an index of which only the entries are needed, as one in an archive is.
 *
 * @param what names the index in messages
 * @throws {MismatchError} if it is malformed
 */
export function parseEntries(bytes: Uint8Array, what: string): IndexEntry[] {
  return entriesOf(parseIndex(bytes, what).manifests);
}

/** How many entries are encoded at a time: with 100,000 tags the whole has some 30 MB. */
const ENTRIES_AT_ONCE = 1000;

/**
 * Encodes an index with entries added at its end, in pieces. Where another tool has left out the fields `schemaVersion` and
 * `mediaType`, they are added.
 */
export function* encodeIndex(
  { manifests, ...fields }: IndexJson,
  add: readonly IndexEntry[],
): Generator<Bytes, void> {
  const encoder = new TextEncoder();
  const head = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, ...fields });
  yield encoder.encode(`${head.slice(0, -1)},"manifests":[`);
  const count = manifests.length + add.length;
  for (let from = 0; from < count; from += ENTRIES_AT_ONCE) {
    const raw = manifests.slice(from, from + ENTRIES_AT_ONCE);
    const [first, end] = [Math.max(0, from - manifests.length), from + ENTRIES_AT_ONCE - manifests.length];
    if (end > 0) raw.push(...add.slice(first, end).map((entry) => entry.raw));
    yield encoder.encode(`${from > 0 ? "," : ""}${JSON.stringify(raw).slice(1, -1)}`);
  }
  yield encoder.encode("]}");
}
