/** When a layer was made, as configs of images have it. @module */
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";

// Readers in Go take nothing else: no lower case, no hour 24.
const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Checks a time in RFC 3339.
 *
 * @throws {InvalidInputError} when it is none: programs could not read the image
 */
export function checkTime(text: string): void {
  const [, day] = (typeof text === "string" && RFC_3339.exec(text)) || [];
  if (day && isDay(day) && !Number.isNaN(Date.parse(text))) return;
  throw new InvalidInputError(`${quoted(text)} is not a time`, {
    hint: "use one such as 2024-05-01T12:00:00Z",
  });
}

/** Dates take the 30th of February for the 1st of March. */
function isDay(day: string): boolean {
  const date = new Date(day);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}
