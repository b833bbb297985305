/** What an upload says of all files and directories that it has stored, after the last of them. @module */
import { join } from "node:path";
import { LayerstashError } from "../../errors.ts";
import { counted, printable } from "../../messages.ts";
import { totalSize } from "../../oci/descriptor.ts";
import type { UploadOptions } from "../../stash/verb_options.ts";
import { addressIn, commandLine } from "../../store/command_line.ts";
import type { StoreSession } from "../action.ts";
import { getItBack } from "../ending.ts";
import { renderTotals, sumOf, type TransferTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";

/** A file or a directory that was stored. */
export interface StoredSource {
  kind: "file" | "folder";
  baseTag: string;
  /** The bytes of the file, or of all files in the directory. */
  size: number;
  digest?: string | undefined;
  /** What of a directory may not be read, and is not stored. */
  unreadable?: readonly string[] | undefined;
}

/** Which of several sources one is, and what those before it came to. */
export interface Sources {
  /** From 1. */
  number: number;
  of: number;
  /** For whom all of them are encrypted; absent until the first is stored. */
  keys?: Promise<Pick<UploadOptions, "encryptTo" | "identities">>;
  /** What each source came to until now. */
  stored: (StoredSource & TransferTotals & {
    infile: string;
    /** The words that tell a download the key, where it is encrypted. */
    readWith: readonly string[];
  })[];
}

/** Says the address of what was stored by its digest, and the command that gets it back; or the sum of several. */
export function reportAll({ terminal, store }: StoreSession, { stored }: Sources): void {
  if (stored.length > 1) {
    const size = totalSize(stored);
    const pace = renderTotals(sumOf(stored), { size, moved: "sent" });
    terminal.note(`stored ${kindsOf(stored)} in ${store.name}: ${formatSize(size)}, ${pace}`);
    return terminal.note(
      `get one back: ${commandLine("download", addressIn(store, "NAME"), ...stored[0]!.readWith)}`,
    );
  }
  const { baseTag, digest, readWith } = stored[0]!;
  if (digest !== undefined) terminal.note(`digest: ${addressIn(store, digest)}`);
  terminal.note(getItBack("download", addressIn(store, baseTag), ...readWith));
}

/** `2 files and 1 folder`. */
function kindsOf(stored: readonly StoredSource[]): string {
  const counts = (["file", "folder"] as const).map((kind) =>
    [stored.filter((each) => each.kind === kind).length, kind] as const
  );
  return counts.filter(([count]) => count > 0).map(([count, kind]) => counted(count, kind)).join(" and ");
}

/**
 * Makes sure that nothing was left out because it may not be read.
 *
 * @throws {LayerstashError} if something was; it names that
 */
export function requireAllRead({ stored, of }: Sources): void {
  const unreadable = stored.flatMap(({ infile, unreadable = [] }) =>
    of === 1 ? unreadable : unreadable.map((path) => join(infile, path))
  );
  if (unreadable.length === 0) return;
  const names = unreadable.map(printable).join(", ");
  const are = unreadable.length === 1 ? "is" : "are";
  throw new LayerstashError(
    `${counted(unreadable.length, "path")} may not be read, and ${are} not stored: ${names}`,
    { isLasting: true },
  );
}
