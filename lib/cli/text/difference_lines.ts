/** Differences between two file trees as text, one line each, and as JSON. @module */
import { type Aspect, described, type TreeDifference } from "../../compare/differences.ts";
import type { MergedEntry } from "../../images/file_tree.ts";
import { printable } from "../../messages.ts";
import { entryDocument, formatMode, octalMode, targetOf } from "./file_listing.ts";

/** The first width of the column with sizes. Lines are printed as they come, so it only grows. */
const SIZE_COLUMN = 9;
/** Such as `removed`. */
const CHANGE_COLUMN = 7;

/** Renders differences as lines such as `changed -rw-r--r--        12 etc/motd (size 10 to 12)`. */
export class DifferenceLines {
  #width = SIZE_COLUMN;

  /** Renders one difference as a line. */
  render({ change, aspects, before, after }: TreeDifference): string {
    const shown = (after ?? before)!;
    const size = `${shown.size}`;
    this.#width = Math.max(this.#width, size.length);
    const cells = [
      change.padEnd(CHANGE_COLUMN),
      formatMode(shown),
      size.padStart(this.#width),
      renderPath(shown),
    ];
    const details = before && after
      ? aspects.map((aspect) => detailOf(aspect, before, after)).join(", ")
      : "";
    return `${cells.join(" ")}${details && ` (${printable(details)})`}\n`;
  }
}

function renderPath(entry: MergedEntry): string {
  const { type, path } = entry;
  return printable(`${type === "directory" ? `${path || "."}/` : path}${targetOf(entry)}`);
}

/** What of an entry differs, and how. */
function detailOf(aspect: Aspect, before: MergedEntry, after: MergedEntry): string {
  const render = DETAILS[aspect];
  if (!render) return aspect;
  const [old, now] = [before, after].map((entry) => render({ ...described(entry), names: entry }));
  return old === now ? `${aspect} by less than a second` : `${aspect} ${old} to ${now}`;
}

type Described = Omit<MergedEntry, "source"> & { names: MergedEntry };

/** How what differs is shown. What is not here is only named. */
const DETAILS: Partial<Record<Aspect, (entry: Described) => string>> = {
  type: ({ type }) => type,
  size: ({ size }) => `${size}`,
  mode: ({ mode }) => octalMode(mode),
  time: ({ modified }) => secondOf(modified),
  owner: ({ uid, gid }) => `${uid}/${gid}`,
  target: ({ target = "" }) => target,
  link: ({ names: { type, target } }) => type === "hardlink" ? target ?? "" : "none",
};

/** A time to the second, in UTC. */
function secondOf(seconds: number): string {
  const date = new Date(Math.floor(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().slice(0, 19).replace("T", " ");
}

/** A difference as a JSON document. */
export function differenceDocument({ change, path, aspects, before, after }: TreeDifference) {
  return {
    change,
    path,
    ...(change === "changed" && { aspects }),
    ...(before && { before: entryDocument(before) }),
    ...(after && { after: entryDocument(after) }),
  };
}
