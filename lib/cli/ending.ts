/** How a transfer ends: its last document, what an interruption leaves, and the command that comes next. @module */
import type { KeyKind } from "../encryption/identities.ts";
import { counted } from "../messages.ts";
import { commandLine } from "../store/command_line.ts";
import type { Store } from "../store/store.ts";
import { movedBytes, type ProgressState } from "./terminal/progress_state.ts";
import type { TransferTotals } from "./terminal/transfer_totals.ts";
import { eventLine } from "./text/json_lines.ts";
import { formatSize } from "./text/sizes.ts";

/** The event `done`: where something was stored or fetched, what the transfer came to, and what else is told. */
export function doneLine(
  { store, totals }: { store: Store; totals: () => TransferTotals },
  content: object,
): string {
  return eventLine("done", { ...content, ...storeMembers(store), ...totals() });
}

/** The registry and the repository of a store; a layout is a registry of its own, without repositories. */
function storeMembers({ name }: Store): { registry: string; repository: string } {
  const slash = /^oci/.test(name) ? -1 : name.indexOf("/");
  return slash < 0
    ? { registry: name, repository: "" }
    : { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
}

/** Says which command gets back what was stored. */
export function getItBack(...words: string[]): string {
  return `get it back: ${commandLine(...words)}`;
}

/** The words with which what is encrypted is read; none for what is not. */
export function keyWords(opensWith: KeyKind | undefined): string[] {
  if (!opensWith) return [];
  return opensWith === "keys" ? ["--identity", "KEYFILE"] : ["--passphrase"];
}

/**
 * What a registry has of a transfer that was interrupted, and how much of it goes out again. Some registries also keep what
 * was on its way.
 *
 * @param provided what that depends on, as in `, if the same bytes come`
 */
export function keptThere({ blobs, blobsDone, moving, unit }: ProgressState, provided = ""): string {
  if (blobs === undefined && blobsDone === 0 && moving <= 0) return "nothing is stored yet";
  const done = blobs === undefined ? counted(blobsDone, unit) : `${blobsDone} of ${counted(blobs, unit)}`;
  const again = moving > 0 ? `at most ${formatSize(moving)} are sent again` : "nothing is sent again";
  return `stored so far: ${done}; ${again}${provided}`;
}

/** What the disk has of a transfer that was interrupted. All that was fetched is kept. */
export function keptHere(state: ProgressState): string {
  const moved = movedBytes(state);
  if (state.size === undefined || moved === 0) return "nothing is fetched yet";
  return `fetched so far: ${formatSize(moved)} of ${formatSize(state.size)}; nothing of it is fetched again`;
}
