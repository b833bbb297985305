/** The programs of a release: their systems, names, versions and checksums. @module */
import { compare, isGreaterThan, isValid } from "verkit/version";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";

/**
 * How to run layerstash with Deno. Without `--no-config`, Deno takes settings from the current directory, also for modules
 * from elsewhere: its import map could bring in any code.
 */
export const RUN_WITH_DENO = "deno run --no-config -A jsr:@layerstash/cli";

/** The systems that each release has a program for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

/** A program of a release. */
export interface ReleasedProgram {
  /** The file's name, as in `layerstash-1.2.3-x86_64-unknown-linux-gnu`. */
  name: string;
  /** The version, as in `1.2.3`. */
  version: string;
  /** The digest of the file. */
  digest: Digest;
}

/** The name of a program, as in `layerstash-1.2.3-x86_64-pc-windows-msvc.exe`. */
export function programName(version: string, target: string): string {
  return `layerstash-${version}-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** Whether a text is a version of a release: semver 2.0.0, without a `v`. */
export function isVersion(text: string): boolean {
  return /^\d[\w.+-]*$/.test(text) && isValid(text);
}

/** Whether a version comes after another, in the order of semver 2.0.0: 1.2.3-rc.1 comes before 1.2.3. */
export function isNewer(version: string, than: string): boolean {
  return isGreaterThan(version, than);
}

/** Whether two versions are the same. Build metadata after a `+` is ignored. */
export function isSame(version: string, other: string): boolean {
  return compare(version, other) === 0;
}

const LINE = /^([0-9a-f]{64}) [ *](\S+)\r?$/;

/**
 * Finds the program for a system in a file `SHA256SUMS`, each line of which is a digest, two spaces and a name.
 *
 * @throws {MismatchError} if the text is not such a list
 * @throws {NotFoundError} if there is no program for the system
 */
export function findProgram(sums: string, target: string): ReleasedProgram {
  const lines = sums.split("\n").map((line) => LINE.exec(line)).filter((found) => found !== null);
  if (lines.length === 0) {
    throw new MismatchError("the answer to the request for the release's checksums is not a list of them", {
      hint: "a sign-in portal or a proxy may have answered: check the network",
    });
  }
  for (const [, hex, name = ""] of lines) {
    const version = versionIn(name, target);
    if (version !== undefined) return { name, version, digest: `sha256:${hex}` };
  }
  throw new NotFoundError(`the release has no program for ${target}`, {
    hint: `on other systems, run it with Deno: ${RUN_WITH_DENO}`,
  });
}

/** The version in a program's name; `undefined` if the program is not for this system. */
function versionIn(name: string, target: string): string | undefined {
  const [before, after = ""] = programName("\n", target).split("\n");
  if (!name.startsWith(before!) || !name.endsWith(after)) return undefined;
  const version = name.slice(before!.length, -after.length);
  return isVersion(version) ? version : undefined;
}
