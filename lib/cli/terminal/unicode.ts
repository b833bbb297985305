/** Tells whether a terminal shows more characters than those of ASCII. @module */

/**
 * Whether the locale of the environment is one of UTF-8. Of its variables, the first that is set counts. Where none is
 * set, as in most containers, the terminal is that of the person outside, and nearly all of those are.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html section 8.2
 */
export function showsUnicode(env: Record<string, string | undefined>): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"];
  return !locale || /utf-?8/i.test(locale);
}
