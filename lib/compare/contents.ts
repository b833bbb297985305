/** What is known of the contents of files, by which they are compared without being read twice. @module */
import type { Bytes } from "../content/bytes.ts";
import { DigestHash } from "../oci/digest.ts";
import type { ContentDigests } from "../layers/entry.ts";

/**
 * Whether two contents of one size are the same.
 *
 * @returns `undefined` if what is known of them does not tell
 */
export function isSameContent(
  one: ContentDigests | undefined,
  other: ContentDigests | undefined,
): boolean | undefined {
  if (one?.whole !== undefined && other?.whole !== undefined) return one.whole === other.whole;
  const [pieces, others] = [one?.pieces, other?.pieces];
  if (!pieces || !others || pieces.length !== others.length) return undefined;
  if (pieces.some(({ end }, index) => end !== others[index]!.end)) return undefined;
  return pieces.every(({ digest }, index) => digest === others[index]!.digest);
}

/** The digests of a content that comes in order: of its pieces, each of which ends at one of these offsets. */
export class PieceHash {
  readonly #ends: readonly number[];
  readonly #found: { end: number; digest: string }[] = [];
  #hash = new DigestHash();
  #position = 0;

  /** @param ends grow; `Infinity` at the end = whatever comes */
  constructor(ends: readonly number[]) {
    this.#ends = ends;
  }

  /** Takes the next bytes. Those after the last piece do not count. */
  update(bytes: Bytes): void {
    for (let rest = bytes; rest.length > 0 && this.#end !== undefined;) {
      const piece = rest.subarray(0, this.#end - this.#position);
      this.#hash.update(piece);
      this.#position += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#position === this.#end) this.#finish(this.#end);
    }
  }

  /** The digests of all pieces, when nothing more comes. Those that have not come are the digests of no bytes. */
  digests(): { end: number; digest: string }[] {
    while (this.#end !== undefined) this.#finish(this.#end);
    return this.#found;
  }

  get #end(): number | undefined {
    return this.#ends[this.#found.length];
  }

  #finish(end: number): void {
    this.#found.push({ end, digest: this.#hash.digest() });
    this.#hash = new DigestHash();
  }
}

/** Where the pieces end whose digests can be compared with those that are known: of the whole, or of its parts. */
export function endsOf(known: ContentDigests | undefined): readonly number[] {
  return known?.whole === undefined && known?.pieces ? known.pieces.map(({ end }) => end) : [Infinity];
}

/** The digests of pieces as what is known of a content. */
export function knownBy(digests: readonly { end: number; digest: string }[]): ContentDigests {
  const [first] = digests;
  return first?.end === Infinity ? { whole: first.digest } : { pieces: digests };
}

/** The digests of the contents of an image's files, by layer and position. */
export class KnownContents {
  readonly #layers = new Map<number, Map<number, ContentDigests>>();

  /** Notes the digests of a content. */
  set({ layer, position }: { layer: number; position: number }, digests: ContentDigests): void {
    const known = this.#layers.get(layer) ?? new Map<number, ContentDigests>();
    this.#layers.set(layer, known);
    known.set(position, { ...known.get(position), ...digests });
  }

  /** The digests of a content; `undefined` if it has not been seen. */
  get({ layer, position }: { layer: number; position: number }): ContentDigests | undefined {
    return this.#layers.get(layer)?.get(position);
  }

  /** Takes over what others know of a layer that both have under the same number. */
  adopt(others: KnownContents, layer: number): void {
    const known = others.#layers.get(layer);
    if (known) this.#layers.set(layer, known);
  }
}
