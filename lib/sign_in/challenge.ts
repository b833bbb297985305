/** What a registry asks for when it answers 401: the `WWW-Authenticate` header (RFC 9110, 11.6.1). @module */

/** One challenge. Names are in lower case; values are as they came. */
export interface Challenge {
  /** `basic` or `bearer`, or what else there may be. */
  scheme: string;
  /** Such as `realm`, `service`, `scope` and `error`. */
  parameters: Record<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const SEPARATOR = /[\s,]*/y;

/**
 * Reads all challenges of a header. Commas stand between challenges, between parameters and inside of quotes, so
 * it is read from left to right; what cannot be read ends it.
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
