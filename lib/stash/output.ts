/** Where bytes are brought to: a file, or a stream. @module */
import { InvalidInputError } from "../errors.ts";
import { kindOf } from "../oci/shown.ts";

/**
 * Makes sure that there is an output. What is at a path is another question.
 *
 * @throws {InvalidInputError} when there is none
 */
export function checkOutput(output: string | WritableStream<Uint8Array>): void {
  if (output === "") throw new InvalidInputError("the file to write has no name");
  if (typeof output === "string") return;
  if (typeof output?.getWriter !== "function") {
    throw new InvalidInputError(`${kindOf(output)} is neither the path of a file nor a WritableStream`);
  }
  if (output.locked) throw new InvalidInputError("the stream is locked: somebody else writes to it");
}
