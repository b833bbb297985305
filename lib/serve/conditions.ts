/** Conditions of requests: whether the client has already what is served (RFC 9110, section 13). @module */

/** What tells one version of what is served from another. */
export interface Version {
  /** The value of the header `ETag`, in quotes. */
  etag: string;
  /** When it was last modified; absent = unknown. */
  modified?: Date | undefined;
}

/** The status that the conditions of a request lead to; `undefined` = what is served is the answer (section 13.2.2). */
export function statusOfConditions(asked: Headers, version: Version): 304 | 412 | undefined {
  const [match, none] = [asked.get("if-match"), asked.get("if-none-match")];
  const { etag } = version;
  if (match === null ? isModifiedSince(version, asked.get("if-unmodified-since")) : !listHas(match, etag)) {
    return 412;
  }
  if (none !== null) return listHas(none.replaceAll("W/", ""), etag) ? 304 : undefined;
  return isModifiedSince(version, asked.get("if-modified-since")) === false ? 304 : undefined;
}

/** Whether the version is still the one of which the client has a part: only then a range is the answer. */
export function isRangeWanted(asked: Headers, { etag, modified }: Version): boolean {
  const condition = asked.get("if-range");
  return condition === null || condition === etag || condition === modified?.toUTCString();
}

function listHas(list: string, etag: string): boolean {
  return list.split(",").map((each) => each.trim()).some((each) => each === "*" || each === etag);
}

/** Whether it was modified after a date, which has no parts of a second; `undefined` if one of both is unknown. */
function isModifiedSince({ modified }: Version, header: string | null): boolean | undefined {
  const date = Date.parse(header ?? "");
  return modified && !isNaN(date) ? modified.getTime() >= date + 1000 : undefined;
}
