/** Dates as HTTP, WebDAV and pages can show them. @module */

/** The first and the last one, in milliseconds since 1970: HTTP has four digits for a year. */
const [FIRST, LAST] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];

/** The date in a text; `undefined` if there is none. */
export function dateIn(text: string | undefined): Date | undefined {
  return shownDate(Date.parse(text ?? ""));
}

/** The time of an entry of an archive, in seconds since 1970, as a date; `undefined` if it is 0, which stands for none. */
export function dateOfEntry(seconds: number): Date | undefined {
  return seconds === 0 ? undefined : shownDate(seconds * 1000);
}

function shownDate(time: number): Date | undefined {
  return time >= FIRST && time <= LAST ? new Date(time) : undefined;
}
