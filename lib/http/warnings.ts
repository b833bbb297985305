/** Warnings for users in answers: the header `Warning` with the code 299 (RFC 7234, 5.5; OCI distribution spec). @module */
import { singleLine } from "../messages.ts";

const WARNING = /\b299 \S+ "((?:[^"\\]|\\.)*)"/g;

/** The most letters of a warning that are shown. */
const LONGEST_WARNING = 4096;

/**
 * The texts of the warnings in an answer, each on one line.
 *
 * @param hide takes secrets out of a text
 */
export function warningsOf(headers: Headers, hide: (text: string) => string): string[] {
  return [...(headers.get("warning") ?? "").matchAll(WARNING)]
    .map(([, quoted = ""]) => hide(quoted.replace(/\\(.)/g, "$1")))
    .map((text) => singleLine(text).slice(0, LONGEST_WARNING));
}
