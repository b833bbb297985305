/** Replaces an installed program with that of a release. @module */
import { writeAll } from "../content/write_all.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { singleLine } from "../messages.ts";
import type { CallOptions } from "../store/store.ts";
import type { ReleaseServer } from "./release_server.ts";
import { type ReleasedProgram, RUN_WITH_DENO } from "./released_program.ts";
import { fetchProgram } from "./releases.ts";
import { replaceProgram } from "./replace_program.ts";

/** An installed program. */
export interface InstalledProgram {
  /** Its path. */
  program: string;
  /** Its version, as in `1.2.3`. */
  version: string;
  /** The system that it was built for, as in `x86_64-unknown-linux-gnu`. */
  target: string;
}

/** Options for an upgrade. */
export interface UpgradeOptions extends CallOptions {
  /** The program to install. */
  release: ReleasedProgram;
  /** The server to fetch it from. */
  server: ReleaseServer;
}

/** How long the new program may take to print its version, in milliseconds: virus scanners inspect it first. */
const STARTS_WITHIN = 60_000;

/**
 * Replaces an installed program with that of a release. Before that, the new program is verified, and must start and
 * print the right version. If anything fails, the old program stays, and no other file is left.
 *
 * @throws {MismatchError} if the program has another digest, or prints another version
 * @throws {NotAllowedError} if the program's directory cannot be written
 * @throws {LayerstashError} if the new program does not start
 */
export async function upgradeProgram(
  { program, target }: Pick<InstalledProgram, "program" | "target">,
  { release, server, onEvent, signal }: UpgradeOptions,
): Promise<void> {
  await replaceProgram(program, {
    write: (file) =>
      fetchProgram(server, release, { write: (bytes) => writeAll(file, bytes), onEvent, signal }),
    check: (path) => requireVersion(path, release, signal),
  }, { windows: target.includes("windows") });
}

/** Checks that a program starts, and prints the version of its release. */
async function requireVersion(
  path: string,
  { name, version }: ReleasedProgram,
  signal: AbortSignal | undefined,
): Promise<void> {
  const said = await askVersion(path, signal);
  signal?.throwIfAborted();
  if (said.success && said.text === `layerstash v${version}`) return;
  const quoted = said.text === "" ? "nothing" : `"${singleLine(said.text).slice(0, 200)}"`;
  if (said.success) {
    throw new MismatchError(`${name} prints ${quoted} instead of the version ${version}`);
  }
  throw new LayerstashError(`${name} does not start on this system: it prints ${quoted}`, {
    hint: `choose another version, or run layerstash with Deno: ${RUN_WITH_DENO}`,
  });
}

async function askVersion(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ success: boolean; text: string }> {
  const late = AbortSignal.timeout(STARTS_WITHIN);
  try {
    const { success, stdout, stderr } = await new Deno.Command(path, {
      args: ["--version"],
      stdin: "null",
      signal: signal ? AbortSignal.any([signal, late]) : late,
    }).output();
    return { success, text: new TextDecoder().decode(success ? stdout : stderr).trim() };
  } catch (error) {
    return { success: false, text: (error as Error).message };
  }
}
