/** What is known of the contents of files, by which they are compared without being read twice. @module */
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
