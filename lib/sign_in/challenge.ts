/** Parses the header `WWW-Authenticate` of a 401 (RFC 9110, 11.6.1). @module */

/** One challenge. Names are converted to lower case; values are unchanged. */
export interface Challenge {
  /** The scheme: `basic`, `bearer`, or another. */
  scheme: string;
  /** The parameters by name, such as `realm`, `service`, `scope` and `error`. */
  parameters: Record<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const SEPARATOR = /[\s,]*/y;

/**
 * Parses all challenges of a header. Commas separate challenges as well as parameters, and occur inside quotes, so the
 * header is scanned from left to right. The scan ends at the first text that is malformed.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(header);
    if (match) position = pattern.lastIndex;
    return match;
  };
  for (take(SEPARATOR); position < header.length; take(SEPARATOR)) {
    const parameter = challenges.length > 0 ? take(PARAMETER) : null;
    if (parameter) {
      const [, name = "", quoted, plain] = parameter;
      challenges.at(-1)!.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
      continue;
    }
    const scheme = take(TOKEN);
    if (!scheme) break;
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters: {} });
  }
  return challenges;
}
