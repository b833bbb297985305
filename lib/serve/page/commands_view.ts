/** Command lines that bring a thing back, for copying. @module */
import { shellWord } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
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

/** A path as a word of a command line: no name that somebody else has chosen becomes an option. */
export function pathWord(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}

/** The address of what a server has in a repository. */
export function addressAt(host: string, repository: string, reference: string | undefined): string {
  if (reference === undefined) return `${host}/${repository}`;
  return `${host}/${repository}${isDigest(reference) ? "@" : ":"}${reference}`;
}
