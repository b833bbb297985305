/** What container engines ask of a layer, beyond what can be read of it. @module */
import { InvalidInputError } from "../errors.ts";
import { counted, quoted } from "../messages.ts";
import { baseName, type Entry } from "../layers/entry.ts";
import type { PaxRecord } from "../layers/pax.ts";
import type { TarHeader } from "../layers/tar_header.ts";

/** The kinds of entries, by their flags in the archive, that Go's archive/tar or the engines built on it know. */
const KNOWN_FLAGS = "\x000123456SgxLK";

/** The most characters of paths that are kept to find those that occur twice. */
const MOST_KEPT = 32 * 1024 * 1024;

const NUMBERS = new Set(["uid", "gid"]);
const TIMES = new Set(["mtime", "atime", "ctime"]);

/**
 * Checks what an archive has, as it is read, against the rules of container engines. podman and umoci were tried: what both
 * refuse is refused here, so that no image gets a layer that cannot be unpacked. What podman alone refuses is a notice.
 */
export class EngineRules {
  readonly #paths = new Set<string>();
  #kept = 0;
  readonly #repeated = { count: 0, first: "" };

  /** @throws {InvalidInputError} if no engine knows the kind of the entry */
  header({ flag }: TarHeader): void {
    if (KNOWN_FLAGS.includes(flag)) return;
    throw refused(`it has an entry of the kind ${quoted(flag)}`, {
      hint: "tar makes such entries for backups: leave out --label, --listed-incremental and --incremental",
    });
  }

  /** @throws {InvalidInputError} if Go cannot read an attribute */
  records(records: readonly PaxRecord[]): void {
    for (const [key, value] of records) {
      if (isReadable(key, new TextDecoder().decode(value))) continue;
      throw refused(`its attribute ${quoted(key)} is malformed`, {
        hint: "make it again, as in: tar c DIR | layerstash append ...",
      });
    }
  }

  /** @throws {InvalidInputError} if it would replace or remove the root of the image */
  entry({ path, name, type }: Entry): void {
    this.#see(path);
    const isRoot = path === "" && type !== "directory";
    if (!isRoot && ![".wh.", ".wh.."].includes(baseName(path))) return;
    throw refused(`its entry ${quoted(name)} would replace the root of the image`, {
      hint: "leave this entry out of the archive",
    });
  }

  /** What at least one engine refuses; `undefined` = nothing. */
  get notice(): string | undefined {
    const { count, first } = this.#repeated;
    if (count === 0) return undefined;
    const which = count === 1 ? quoted(first) : `${counted(count, "path")}, such as ${quoted(first)},`;
    return `the layer has ${which} more than once: podman and docker refuse it (make the archive anew, with each file once)`;
  }

  #see(path: string): void {
    if (this.#paths.has(path)) {
      if (this.#repeated.count++ === 0) this.#repeated.first = path;
    } else if (this.#kept < MOST_KEPT) {
      this.#kept += path.length;
      this.#paths.add(path);
    }
  }
}

/** Whether Go's archive/tar reads an attribute. An empty value takes the attribute back. */
function isReadable(key: string, value: string): boolean {
  if (key === "" || key.includes("\0")) return false;
  if (["path", "linkpath", "uname", "gname"].includes(key)) return !value.includes("\0");
  if (value === "") return true;
  if (NUMBERS.has(key)) return /^[-+]?[0-9]+$/.test(value);
  return !TIMES.has(key) || /^-?[0-9]+(\.[0-9]*)?$/.test(value);
}

function refused(why: string, details: { hint: string }): InvalidInputError {
  return new InvalidInputError(`container engines cannot unpack the layer: ${why}`, details);
}
