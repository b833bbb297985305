/** Files of images as text: lines like those of `ls -l`, and JSON. @module */
import type { MergedEntry } from "../../images/file_tree.ts";
import type { LayerEntry } from "../../images/layer_entry.ts";
import type { Entry, EntryType } from "../../layers/entry.ts";
import { printable } from "../../messages.ts";
import { columnsOf } from "./columns.ts";

/** An entry of one layer or of all, which a later layer may hide. */
export type ListedEntry = LayerEntry & Pick<MergedEntry, "hiddenBy">;

const LETTERS: Readonly<Record<EntryType, string>> = {
  "file": "-",
  "directory": "d",
  "symlink": "l",
  "hardlink": "h",
  "character-device": "c",
  "block-device": "b",
  "fifo": "p",
};

/** `drwxr-xr-x`, with the set-id and sticky bits as `ls` shows them. */
export function formatMode({ type, mode }: Pick<Entry, "type" | "mode">): string {
  const bits = (shift: number, special: boolean, letter: string) => {
    const read = mode >> shift & 4 ? "r" : "-";
    const write = mode >> shift & 2 ? "w" : "-";
    const run = mode >> shift & 1;
    return read + write + (special ? (run ? letter : letter.toUpperCase()) : run ? "x" : "-");
  };
  return LETTERS[type] + bits(6, (mode & 0o4000) !== 0, "s") + bits(3, (mode & 0o2000) !== 0, "s") +
    bits(0, (mode & 0o1000) !== 0, "t");
}

/** A mode in octal, of at least four digits. */
export function octalMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** A time to the minute, in UTC. */
function formatTime(seconds: number): string {
  const date = new Date(Math.floor(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().replace(/:[^:]*Z$/, "").replace("T", " ");
}

/** Which name of an entry is shown: the one in its archive, or its path in the image. */
export type Naming = "archive" | "path";

/** The first widths of the columns before the name. Lines are printed as they come, so widths only grow. */
const COLUMNS = [10, 9, 9];

/** Renders lines like those of `tar tv`, with the layer if there are several. */
export class ListingLines {
  readonly #naming: Naming;
  readonly #layers: boolean;
  readonly #widths = [...COLUMNS];

  /** @param options which names are shown, and whether the layer is */
  constructor({ naming, layers }: { naming: Naming; layers: boolean }) {
    this.#naming = naming;
    this.#layers = layers;
  }

  /** Renders one entry as a line. */
  render(entry: ListedEntry): string {
    const { owner, group, uid, gid, size, device, modified, layer } = entry;
    const who = printable(`${owner || uid}/${group || gid}`);
    const much = device ? `${device.major},${device.minor}` : `${size}`;
    const cells = [
      formatMode(entry),
      this.#pad(1, who, "end"),
      this.#pad(2, much, "start"),
      formatTime(modified),
    ];
    if (this.#layers) cells.push(`[${layer}]`);
    return `${[...cells, nameWithTarget(entry, this.#naming)].join(" ")}${hiddenMark(entry)}\n`;
  }

  #pad(column: number, text: string, side: "start" | "end"): string {
    const columns = columnsOf(text);
    const width = this.#widths[column] = Math.max(this.#widths[column]!, columns);
    const blanks = " ".repeat(width - columns);
    return side === "end" ? text + blanks : blanks + text;
  }
}

/** Says which layer hides an entry; empty = none does. */
export function hiddenMark({ hiddenBy }: ListedEntry): string {
  return hiddenBy === undefined ? "" : ` (hidden by layer ${hiddenBy})`;
}

function nameWithTarget(entry: LayerEntry, naming: Naming): string {
  const path = entry.type === "directory" ? `${entry.path || "."}/` : entry.path;
  const name = naming === "archive" ? entry.name : path;
  return printable(name + targetOf(entry));
}

/** What a link leads to, as it stands after its name; empty for anything else. */
export function targetOf({ type, target }: Entry): string {
  if (target === undefined) return "";
  return type === "symlink" ? ` -> ${target}` : ` link to ${target}`;
}

/** An entry as a JSON document: the mode in octal, the time as in RFC 3339. */
export function entryDocument(entry: ListedEntry): Record<string, unknown> {
  const {
    layer,
    path,
    name,
    type,
    mode,
    uid,
    gid,
    owner,
    group,
    size,
    modified,
    target,
    device,
    attributes,
    hiddenBy,
  } = entry;
  const date = new Date(modified * 1000);
  return {
    layer,
    ...(hiddenBy !== undefined && { hiddenBy }),
    path,
    ...(name !== path && { name }),
    type,
    mode: octalMode(mode),
    uid,
    gid,
    ...(owner && { owner }),
    ...(group && { group }),
    size,
    modified: Number.isNaN(date.getTime()) ? null : date.toISOString(),
    ...(target !== undefined && { target }),
    ...(device && { device }),
    ...(attributes && { attributes: encoded(attributes) }),
  };
}

/** Attributes with their values in base64: these may be any bytes. */
function encoded(attributes: NonNullable<Entry["attributes"]>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, value.toBase64()]));
}
