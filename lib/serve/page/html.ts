/** Writes HTML in which every text from outside is escaped. @module */
import { printable } from "../../messages.ts";

/** HTML that is safe to be put into a page. */
export class Html {
  /** @param text the HTML itself */
  constructor(readonly text: string) {}
}

/** What a template takes: texts are escaped, HTML is not, and lists are laid end to end. */
type Part = string | number | undefined | Html | readonly Part[];

/**
 * Fills a template. Texts become text of the page, whatever they contain, within quoted attributes, too.
 *
 * @example
 * ```ts
 * import { html } from "./html.ts";
 * const { text } = html`<b title="${'"'}">${"<script>"}</b>`;
 * if (text !== '<b title="&quot;">&lt;script&gt;</b>') throw new Error(text);
 * ```
 */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.reduce((all, text, index) => all + rendered(parts[index - 1]) + text));
}

function rendered(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(rendered).join("");
  return escaped(printable(String(part)));
}

/** A text of several lines, as it is, without what would turn the direction of writing. */
export function htmlText(text: string): Html {
  return new Html(
    text.split(/(\r?\n|\t)/).map((piece, index) => index % 2 === 1 ? piece : escaped(printable(piece))).join(
      "",
    ),
  );
}

const SIGNS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (sign) => SIGNS[sign]!);
}
