/** Finds the program that `upgrade` replaces: an installed one. What Deno runs is updated by Deno's own means. @module */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidInputError } from "../../errors.ts";
import { RELEASES } from "../../releases/release_server.ts";
import { RUN_WITH_DENO } from "../../releases/released_program.ts";
import type { InstalledProgram } from "../../releases/upgrade.ts";
import { VERSION } from "../version.ts";

/** The path of this file in the sources. The bundle has another one. */
const HERE = "/lib/cli/commands/installed_program.ts";

/**
 * The program that runs.
 *
 * @param running whether it was compiled, and the address of this file. The address of the main module would not do:
 * it depends on how Deno was told to run it
 * @throws {InvalidInputError} if it is not an installed program; the hint says how to get a newer one
 */
export function installedProgram(
  running: { standalone: boolean; source: string } = {
    standalone: Deno.build.standalone,
    source: import.meta.url,
  },
): InstalledProgram {
  if (running.standalone) return { program: Deno.execPath(), version: VERSION, target: Deno.build.target };
  const { what, hint } = sourceOf(new URL(running.source));
  throw new InvalidInputError(`this is not an installed program, but ${what}, run by Deno`, { hint });
}

/** What Deno runs, and how to get a newer one. */
function sourceOf(source: URL): { what: string; hint: string } {
  if (!source.pathname.endsWith(HERE)) {
    const what = source.protocol === "file:"
      ? `the bundle ${fileURLToPath(source)}`
      : `the bundle ${source.href}`;
    return { what, hint: `download the newest: ${RELEASES}/latest/download/layerstash.js` };
  }
  if (source.protocol === "file:") {
    const directory = resolve(fileURLToPath(new URL("../../..", source)));
    return { what: `a checkout in ${directory}`, hint: `fetch the newest with: git -C ${directory} pull` };
  }
  return {
    what: `the package of ${source.host}`,
    hint: `fetch the newest with: ${RUN_WITH_DENO.replace(" jsr:", " -r jsr:")} --version; ` +
      "or, if you made it a command with deno install: deno install -g -A -f -r jsr:@layerstash/cli",
  };
}
