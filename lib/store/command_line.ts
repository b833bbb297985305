/** Command lines for what a store holds, as hints and notes show them to be typed. @module */
import { printable, shellWord } from "../messages.ts";
import { isDigest } from "../oci/digest.ts";
import { typedName } from "../oci/registry_address.ts";
import type { Store } from "./store.ts";

/** The address of something in a store, as a command line takes it. */
export function addressIn({ name, url }: Pick<Store, "name" | "url">, reference: string): string {
  return `${printable(typedName(name, url))}${isDigest(reference) ? "@" : ":"}${printable(reference)}`;
}

/** A command of layerstash, as it is typed. */
export function commandLine(...words: string[]): string {
  return ["layerstash", ...words].map(shellWord).join(" ");
}
