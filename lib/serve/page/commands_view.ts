/** Command lines that bring a thing back, for copying. @module */
import { shellWord } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { typedName } from "../../oci/registry_address.ts";
import { opensWith } from "../../stash/encrypted_details.ts";
import type { ServedThing } from "../files/served_thing.ts";
import { type Html, html } from "./html.ts";

/** One way to get a thing. */
export interface Way {
  /** The program, or what it does. */
  label: string;
  command: string;
}

/** A section with command lines. A script adds a button to copy each. */
export function waysSection(ways: readonly Way[], heading: string = "Get it with"): Html {
  const lines = ways.map(({ label, command }) =>
    html`<div class="way"><span class="label">${label}</span><pre tabindex="0"><code>${command}</code></pre></div>`
  );
  return html`<section class="card ways" aria-labelledby="ways"><h2 id="ways">${heading}</h2>${lines}</section>`;
}

/** A path as a word of a command line: no name that somebody else has chosen becomes an option. */
export function pathWord(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}

/** What a path of a server leads to: something in a repository, or a repository where there is no reference. */
export interface Addressed {
  repository: { name: string };
  reference?: string | undefined;
  platform?: string | undefined;
}

/** The address of what a server has in a repository, as `layerstash` takes it: with the scheme where it is not the usual one. */
export function addressAt(url: URL, addressed: Addressed): string {
  return shellWord(typedName(plainAddress(url, addressed), url.origin));
}

/** The same, as other programs take it. */
export function plainAddress({ host }: URL, { repository: { name }, reference }: Addressed): string {
  if (reference === undefined) return shellWord(`${host}/${name}`);
  return shellWord(`${host}/${name}${isDigest(reference) ? "@" : ":"}${reference}`);
}

/** The option that names a key, after a blank; empty where nothing is encrypted. */
export function keyWordsFor(thing: ServedThing | undefined): string {
  const isStash = thing?.kind === "stash";
  const encryption = isStash ? thing.open.stash.encryption : thing?.artifact.encryption;
  if (!encryption) return "";
  return isStash && opensWith(encryption) === "passphrase" ? " --passphrase" : " --identity KEYFILE";
}

/** The option that chooses the platform, after a blank; empty where the path names none. */
export function platformWords({ platform }: Addressed): string {
  return platform === undefined ? "" : ` --platform ${shellWord(platform)}`;
}
