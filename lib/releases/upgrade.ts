/** Replaces an installed program by one of a release. @module */
import { writeAll } from "../content/write_all.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { singleLine } from "../messages.ts";
import type { CallOptions } from "../store/store.ts";
import type { ReleaseServer } from "./release_server.ts";
import type { ReleasedProgram } from "./released_program.ts";
import { fetchProgram } from "./releases.ts";
import { replaceProgram } from "./replace_program.ts";

/** A program that is installed. */
export interface InstalledProgram {
  /** Its path. */
  program: string;
  /** Its version, as in `1.2.3`. */
  version: string;
  /** The system that it was made for, as in `x86_64-unknown-linux-gnu`. */
  target: string;
}

/** What an upgrade takes. */
export interface UpgradeOptions extends CallOptions {
  /** The program that takes the place. */
  release: ReleasedProgram;
  /** Where it is fetched. */
  server: ReleaseServer;
  /** Told of progress. */
  onEvent?: OnEvent | undefined;
}

/** For so long the new program may take to tell its version, in milliseconds: scanners for viruses look at it first. */
const STARTS_WITHIN = 60_000;

/**
 * Puts the program of a release in the place of an installed one. It is verified, and has to start and to tell the
 * right version, before it takes the place. When anything fails the old program stays, and nothing beside it.
 *
 * @throws {MismatchError} when the program has another digest, or says that it has another version
 * @throws {NotAllowedError} when the program's directory cannot be written
 * @throws {LayerstashError} when the new program does not start
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

/** Makes sure that a program starts, and has the version of its release. */
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
    throw new MismatchError(`${name} says ${quoted} where it should tell the version ${version}`);
  }
  throw new LayerstashError(`${name} does not start on this system: it says ${quoted}`, {
    hint: "name another version, or run layerstash with Deno: deno run -A jsr:@layerstash/cli",
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
