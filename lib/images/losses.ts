/** Tells which entries of an image, and what of the others, an extraction cannot write. @module */
import type { OnEvent } from "../events.ts";
import { counted } from "../messages.ts";
import { isBrokenLink, type MergedEntry } from "./file_tree.ts";

/** The most bytes of a path, and of a name in it. */
const [LONGEST_PATH, LONGEST_NAME] = [Deno.build.os === "darwin" ? 1023 : 4095, 255];

/** Why a name or the target of a link cannot be written; `undefined` if it can. */
export function whyUnwritable({ path, source }: MergedEntry): string | undefined {
  const target = source?.type === "symlink" ? source.target ?? "" : "";
  // Deno would write another name, the same one for many.
  if (!path.isWellFormed() || !target.isWellFormed()) return "this program writes only names that are UTF-8";
  const isLong = [path, target].some((each) => isLonger(each, LONGEST_PATH)) ||
    3 * path.length > LONGEST_NAME && MAY_BE_LONG.test(path) &&
      path.split("/").some((name) => isLonger(name, LONGEST_NAME));
  return isLong ? "the name is too long for a disk" : undefined;
}

/** A name of which each character may take three bytes. */
const MAY_BE_LONG = new RegExp(`[^/]{${Math.floor(LONGEST_NAME / 3)}}`);

function isLonger(text: string, most: number): boolean {
  return 3 * text.length > most && new TextEncoder().encode(text).length > most;
}

/** What is lost of the entries that are extracted, and which are not. */
export class Losses {
  /** Devices, pipes and broken links. */
  readonly skipped: MergedEntry[] = [];
  /** Entries whose names or targets cannot be written. */
  readonly unwritable: MergedEntry[] = [];
  readonly #sameOwner: boolean;
  readonly #setId = { file: 0, directory: 0 };
  #attributed = 0;

  constructor({ sameOwner }: { sameOwner: boolean }) {
    this.#sameOwner = sameOwner;
  }

  /** Looks at an entry, and says whether it can be extracted. */
  see(entry: MergedEntry): boolean {
    const { type, mode, attributes } = entry;
    if (!isPlaceable(entry)) this.skipped.push(entry);
    else if (whyUnwritable(entry) !== undefined) this.unwritable.push(entry);
    else {
      const hasSetId = !this.#sameOwner && type !== "symlink" && (mode & 0o6000) !== 0;
      if (hasSetId) this.#setId[type === "directory" ? type : "file"]++;
      if (attributes) this.#attributed++;
      return true;
    }
    return false;
  }

  /** Reports them all. `name` is that of what was read. */
  report(name: string, onEvent: OnEvent | undefined): void {
    const notice = (count: number, message: string) => count > 0 && onEvent?.({ type: "notice", message });
    const broken = this.skipped.filter(isBrokenLink);
    const special = this.skipped.filter((entry) => !isBrokenLink(entry));
    notice(
      special.length,
      `${
        counted(special.length, "entry")
      } skipped, because only files, directories and links are extracted: ` +
        firstPaths(special),
    );
    notice(
      broken.length,
      `${counted(broken.length, "hard link")} skipped, because the target is not in ${name}: ` +
        firstPaths(broken),
    );
    for (const [why, entries] of Map.groupBy(this.unwritable, whyUnwritable)) {
      notice(
        entries.length,
        `${counted(entries.length, "entry")} skipped, because ${why}: ${firstPaths(entries)}`,
      );
    }
    const whose = (["file", "directory"] as const).filter((type) => this.#setId[type] > 0)
      .map((type) => counted(this.#setId[type], type)).join(" and ");
    notice(whose.length, `set-user-ID and set-group-ID bits of ${whose} were not set`);
    notice(this.#attributed, `extended attributes of ${counted(this.#attributed, "file")} were not set`);
  }
}

/** Whether an entry is extracted. Devices would need the rights of root, and nobody misses pipes. */
export function isPlaceable({ type, source }: MergedEntry): boolean {
  return type === "directory" || source?.type === "file" || source?.type === "symlink";
}

function firstPaths(entries: readonly MergedEntry[]): string {
  const names = entries.slice(0, 3).map(({ path }) => path);
  return [...names, ...(entries.length > names.length ? ["..."] : [])].join(", ");
}
