/** How a transfer ends: the last document of `--json`, and the command that gets back what was stored. @module */
import { isDigest } from "../oci/digest.ts";
import { isOverheard } from "../oci/registry_address.ts";
import { printable } from "../messages.ts";
import type { Store } from "../store/store.ts";
import type { TransferTotals } from "./terminal/transfer_totals.ts";
import { eventLine } from "./text/json_lines.ts";

/** The event `done`: where something was stored or fetched, what the transfer came to, and what else is told. */
export function doneLine(
  { store, totals }: { store: Store; totals: () => TransferTotals },
  content: object,
): string {
  return eventLine("done", { ...content, ...placeOf(store), ...totals() });
}

/** The registry and the repository of a store; a layout is a registry of its own, without repositories. */
function placeOf({ name }: Store): { registry: string; repository: string } {
  const slash = /^oci/.test(name) ? -1 : name.indexOf("/");
  return slash < 0
    ? { registry: name, repository: "" }
    : { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
}

/** The address of something in a store, as a command line takes it. */
export function addressIn({ name, url }: Store, reference: string): string {
  const scheme = url.startsWith("http://") && isOverheard(url) ? "http://" : "";
  return `${scheme}${printable(name)}${isDigest(reference) ? "@" : ":"}${printable(reference)}`;
}

/** Says which command gets back what was stored. */
export function getItBack(...words: string[]): string {
  return `get it back: ${commandLine(...words)}`;
}

/** A command of layerstash, as it is typed. */
export function commandLine(...words: string[]): string {
  return ["layerstash", ...words].map(shellWord).join(" ");
}

/** A word as a shell reads it, in quotes where it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
