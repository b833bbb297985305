/** Command lines that bring a thing back, for copying. @module */
import type { Html } from "./html.ts";
import { html } from "./html.ts";

/** One way to get a thing. */
export interface Way {
  /** The program, or what it does. */
  label: string;
  command: string;
}

/** A section with command lines. A script adds a button to copy each. */
export function waysSection(ways: readonly Way[]): Html {
  const lines = ways.map(({ label, command }) =>
    html`<div class="way"><span class="label">${label}</span><pre tabindex="0"><code>${command}</code></pre></div>`
  );
  return html`<section class="card ways" aria-labelledby="ways"><h2 id="ways">Get it with</h2>${lines}</section>`;
}

/** A word of a command line, in quotes where a shell would understand it in another way. */
export function quotedWord(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
