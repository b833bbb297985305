/** Text with a colour or another style on a terminal. @module */

/**
 * A text in a style.
 *
 * @param codes how terminals are told (ECMA-48, 8.3.117), such as `1;34`; `undefined`, `false` or empty = no style
 */
export function styled(text: string, codes: string | false | undefined): string {
  return codes && text !== "" ? `\x1b[${codes}m${text}\x1b[0m` : text;
}
