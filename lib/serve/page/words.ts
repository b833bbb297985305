/** Sizes, dates and small marks of the pages. @module */
import { roundedSize } from "../../messages.ts";
import { type Html, html } from "./html.ts";

/** A size for people, with the exact number to be looked at. */
export function sizeText(bytes: number | undefined): Html {
  return bytes === undefined ? html`` : html`<span title="${bytes} bytes">${roundedSize(bytes)}</span>`;
}

/** A size for people, with the exact number after it where it is another one. */
export function exactSizeText(bytes: number): Html {
  if (bytes < 1000) return sizeText(bytes);
  return html`${sizeText(bytes)} <span class="dim">${bytes.toLocaleString("en")} bytes</span>`;
}

/** A date to the minute. */
export function dateText(date: Date | undefined): Html {
  if (!date) return html``;
  const iso = date.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")}</time>`;
}

/** A mark of a few words. */
export function badge(text: string, tone: "good" | "bad" | "locked" | "plain" = "plain"): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}
