/** What the colours on the screen of `browse` mean. Everything that they say is also said without them. @module */

import type { LayerChange } from "../../images/layer_changes.ts";
import { styled } from "../text/styled.ts";

/** The meaning of a line. */
export type Tone = "title" | "help" | "directory" | "link" | "found" | LayerChange;

/** The codes of each tone. */
const CODES: Readonly<Record<Tone, string>> = {
  title: "1",
  help: "2",
  directory: "1;34",
  link: "36",
  found: "7",
  added: "32",
  changed: "33",
  hidden: "31",
};

/** A line as a terminal colours it. The chosen one is shown in reverse. */
export function coloured(text: string, { tone, chosen }: { tone?: Tone; chosen?: boolean }): string {
  const codes = [...(tone ? [CODES[tone]] : []), ...(chosen ? ["7"] : [])];
  return styled(text, codes.join(";"));
}
