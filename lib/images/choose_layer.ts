/** Which layer of an image is meant. @module */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { quoted } from "../messages.ts";
import type { Image, Layer } from "./image.ts";

/**
 * The layer that is meant: a number from 1 as text, a digest, or its beginning, of at least six digits.
 *
 * @throws {InvalidInputError} when it is no text
 * @throws {NotFoundError} when there is none, or several
 */
export function chooseLayer({ layers }: Image, wanted: string): Layer {
  if (typeof wanted !== "string") {
    throw new InvalidInputError(`${quoted(wanted)} is no text`, {
      hint: 'a layer is meant by its number, such as "1", its digest, or the beginning of that',
    });
  }
  const number = /^[0-9]{1,5}$/.test(wanted) ? Number(wanted) : undefined;
  const digits = wanted.replace(/^sha256:/, "");
  const begins = /^[0-9a-f]{6,64}$/.test(digits);
  const found = number !== undefined
    ? layers.filter((layer) => layer.number === number)
    : layers.filter(({ digest }) => begins && digest.startsWith(`sha256:${digits}`));
  const different = new Set(found.map(({ digest }) => digest));
  if (different.size === 1) return found[0]!;
  throw new NotFoundError(
    different.size > 1 ? `several layers begin with ${wanted}` : `the image has no layer ${wanted}`,
    { hint: `it has ${layers.length}: use a number from 1, or a digest, as layerstash layers tells them` },
  );
}
