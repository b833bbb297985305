/** Looks whether the bytes of a chunk are there, before they are sent. @module */
import type { Source } from "../content/source.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { chunkTag } from "./chunk_tags.ts";
import type { InputChunk } from "../files/input.ts";
import { conflict, type Cut, holds, type Present } from "./present_chunks.ts";
import { chunkName } from "./stash.ts";

/** Where is looked, and for what. */
export interface LookOptions extends CallOptions, Cut {
  store: Store;
  baseTag: string;
  /** Replaces what is there under the same tags. */
  overwrite?: boolean | undefined;
  onEvent?: OnEvent | undefined;
}

/** What was found of a chunk. */
export interface FoundBytes {
  /** The layer that they are; absent = they have to be sent. */
  there?: Descriptor;
  /** Whether the store has to look before it takes them: what it has may be damaged, or the same. */
  checkFirst?: boolean;
}

/**
 * Looks under the chunk's tag, and for what an earlier process found it to be.
 *
 * @throws {ConflictError} when the tag holds other bytes, and those are not to be replaced
 */
export async function lookForBytes(
  { number, source }: InputChunk,
  present: Present,
  options: LookOptions,
): Promise<FoundBytes> {
  const { store, baseTag, overwrite, onEvent, signal } = options;
  const tagged = present.layers.get(number);
  const compare = tagged !== undefined && !(source.once && overwrite); // what was read once could not be sent any more
  const same = compare && await holds(tagged, source, { signal, onEvent });
  if (present.layers.has(number) && !same && !overwrite) {
    throw conflict(chunkTag(baseTag, number), { ...options, there: present.cut });
  }
  const likely = same ? tagged : knownLayer(source);
  if (likely && source.once) return { there: likely };
  const found = likely &&
    await store.reuse(likely, { what: chunkName({ number }), reread: overwrite, listed: same, signal });
  if (found === "present") return { there: likely };
  return { checkFirst: found === "damaged" || compare && !source.known };
}

/** The layer that a chunk was found to be before, by an earlier process. */
function knownLayer({ known, size }: Source): Descriptor | undefined {
  return known && size !== undefined ? { mediaType: OCTET_STREAM, digest: known, size } : undefined;
}
