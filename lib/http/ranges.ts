/** Which bytes an answer brings, by its headers. @module */
import { RangeRefusedError } from "../errors.ts";
import { countOf } from "./answers.ts";

/** The length of an answer's body in bytes; `undefined` = the answer does not say. */
export function lengthOf(answer: Response): number | undefined {
  return countOf(answer.headers.get("content-length"));
}

/** The error for an answer with other bytes than those of the range; `undefined` = they are right. */
export function faultOfRange(
  answer: Response,
  { start, end }: { start: number; end: number },
): RangeRefusedError | undefined {
  if (answer.status === 200) {
    return lengthOf(answer) === end && start === 0
      ? undefined
      : new RangeRefusedError("the registry gives whole blobs only");
  }
  const given = answer.headers.get("content-range");
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(given ?? "") ?? [];
  if (Number(first) === start && Number(last) === end - 1) return undefined;
  const named = /^bytes [\d*/-]{1,80}$/.test(given ?? "") ? given : "that it did not name";
  return new RangeRefusedError(`the registry gave the range ${named}, not bytes ${start}-${end - 1}`);
}
