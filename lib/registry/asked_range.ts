/** The part of a blob that a caller asks for. @module */
import { InvalidInputError } from "../errors.ts";
import { checkNumbers, POSITION } from "../oci/numbers.ts";
import type { ByteRange } from "./store.ts";

/**
 * Makes sure that it is one. Whether the blob has it is another question.
 *
 * @throws {InvalidInputError} when a number cannot be, or it ends before it begins
 */
export function checkRange({ start, end }: ByteRange): void {
  checkNumbers({ start, end }, { start: POSITION, end: POSITION });
  if (start <= end) return; // neither is absent
  throw new InvalidInputError(`there is no range from ${start} to ${end}`, {
    hint: "its end is the byte after the last",
  });
}
