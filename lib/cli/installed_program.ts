/** Whether this is an installed program, which can be replaced; Deno has its own ways for everything else. @module */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidInputError } from "../errors.ts";
import type { InstalledProgram } from "../releases/upgrade.ts";
import { RELEASES } from "../releases/release_server.ts";
import { VERSION } from "./version.ts";

/** Where this file is, from the top of the sources. In the bundle there is no such file. */
const HERE = "/lib/cli/installed_program.ts";

/**
 * The program that runs.
 *
 * @param how whether it was compiled, and the address of this file: unlike that of the main module, it is the same
 * however Deno was told to run it
 * @throws {InvalidInputError} when it is no installed program; the hint says how to get what is newer
 */
export function installedProgram(
  how: { standalone: boolean; source: string } = {
    standalone: Deno.build.standalone,
    source: import.meta.url,
  },
): InstalledProgram {
  if (how.standalone) return { program: Deno.execPath(), version: VERSION, target: Deno.build.target };
  const { what, hint } = runByDeno(new URL(how.source));
  throw new InvalidInputError(`this is no installed program, but ${what}, run by Deno`, { hint });
}

function runByDeno(source: URL): { what: string; hint: string } {
  if (!source.pathname.endsWith(HERE)) {
    const what = source.protocol === "file:"
      ? `the bundle ${fileURLToPath(source)}`
      : `the bundle ${source.href}`;
    return { what, hint: `download the newest: ${RELEASES}/latest/download/layerstash.js` };
  }
  if (source.protocol === "file:") {
    const directory = dirname(dirname(dirname(fileURLToPath(source))));
    return { what: `a checkout in ${directory}`, hint: `fetch the newest with: git -C ${directory} pull` };
  }
  return {
    what: `the package of ${source.host}`,
    hint: "fetch the newest with: deno run -A -r jsr:@layerstash/cli --version; " +
      "or, where deno install made a command of it: deno install -g -A -f -r jsr:@layerstash/cli",
  };
}
