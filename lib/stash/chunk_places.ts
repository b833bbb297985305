/** The nonces of chunks whose bytes may be others in the next run: those of a stream. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { bytesSchema } from "../files/key_journal.ts";
import type { Journal } from "../files/journal.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { EncryptedDetails } from "./encrypted_details.ts";
import type { ExistingChunks } from "./existing_chunks.ts";
import { newPlace } from "./stash_key.ts";

/** A chunk that an earlier process has stored: its digest, and its place in the nonce, unless that is its number. */
const storedSchema = v.object({
  chunk: v.number(),
  stored: v.custom<Digest>(isDigest),
  place: v.optional(bytesSchema),
});

/** Such a chunk. */
export type StoredChunk = v.InferOutput<typeof storedSchema>;

/** The chunks that a journal knows, and whose tags hold just those bytes, by number. */
export function storedBefore(
  { earlier }: Journal,
  { layers }: Pick<ExistingChunks, "layers">,
): Map<number, StoredChunk> {
  const found = new Map<number, StoredChunk>();
  for (const record of earlier) {
    const { success, output } = v.safeParse(storedSchema, record);
    if (success && layers.get(output.chunk)?.digest === output.stored) found.set(output.chunk, output);
  }
  return found;
}

/** What is known of the chunks that have a key already. */
export interface ChosenPlaces {
  /** Of an upload that goes on, and may have other bytes now: the chunks that are stored. */
  before?: ReadonlyMap<number, StoredChunk> | undefined;
  /** Of a complete stash: the places of its chunks, as far as they are not their numbers. */
  places?: EncryptedDetails["places"];
}

/**
 * Gives each chunk of an upload that goes on its nonce. One that is stored is compared, with the nonce that it has. Of any other
 * an earlier process may have sent a part: so it gets a new one.
 */
export class ChunkPlaces {
  readonly #journal: Journal;
  readonly #chosen: ChosenPlaces;
  readonly #places: Map<number, Bytes> = new Map();

  constructor(journal: Journal, chosen: ChosenPlaces) {
    this.#journal = journal;
    this.#chosen = chosen;
  }

  /** The place of a chunk; `undefined` = its number is its place. */
  of(number: number): Bytes | undefined {
    const { before, places } = this.#chosen;
    const isBegun = before && !before.has(number);
    const place = isBegun ? newPlace() : before?.get(number)?.place ?? places?.[number];
    if (place) this.#places.set(number, place);
    return place;
  }

  /** Makes sure that nothing of a chunk is sent that is there to be compared: with other bytes its nonce would serve twice. */
  guard(number: number, source: Source): Source {
    return this.#chosen.before?.has(number) ? hashedOnly(source) : source;
  }

  /** Keeps what was stored, so that another process can compare it. */
  keep(number: number, stored: Digest): void {
    this.#journal.add({ chunk: number, stored, place: this.#places.get(number)?.toBase64() });
  }

  /** The places of so many chunks, as far as they are not their numbers; `undefined` = all are. */
  upTo(count: number): Record<number, Bytes> | undefined {
    const places = this.#places.entries().filter(([number]) => number <= count).toArray();
    return places.length > 0 ? Object.fromEntries(places) : undefined;
  }
}

/** A source that has a digest, and gives no byte. Reading one that can be read once computes the digest. */
function hashedOnly({ open, ...source }: Source): Source {
  const nothing = new TransformStream<Bytes, Bytes>({ transform() {} });
  return { ...source, open: () => open().pipeThrough(nothing) };
}
