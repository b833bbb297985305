/** The releases of this project, as GitHub serves them. @module */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { programName } from "../../lib/releases/released_program.ts";
import { commandWords } from "./command_line.ts";
import { denoDirectory } from "./system.ts";

const ASSET = /^\/layerstash\/layerstash\/releases\/(?:latest\/download|download\/v(\d[^/]*))\/(.+)$/;
const AS_INSTALLED = fileURLToPath(new URL("upgrade_process.ts", import.meta.url));

/**
 * The program of the latest release: it runs the command line of this checkout, and takes itself for installed. What Deno
 * has compiled of it is that of this checkout, because a released program comes compiled, too.
 */
export const PROGRAM = `#!/bin/sh
export DENO_DIR='${denoDirectory()}'
if [ "$1" = upgrade ] && [ "$2" != --help ]; then
  shift
  exec ${Deno.execPath()} run -A ${AS_INSTALLED} "$0" ${config.version} ${Deno.build.target} "$@"
fi
exec ${commandWords([]).join(" ")} "$@"
`;

/** Answers a request for a file of a release; there is every version, and this one is the latest. */
export function serveReleases(path: string): Response {
  const [, version = config.version, asset = ""] = ASSET.exec(path) ?? [];
  const program = version === config.version ? PROGRAM : `#!/bin/sh\necho layerstash v${version}\n`;
  const name = programName(version, Deno.build.target);
  const assets: Record<string, string> = {
    [name]: program,
    SHA256SUMS: `${createHash("sha256").update(program).digest("hex")}  ${name}\n`,
    "install.sh": Deno.readTextFileSync(new URL("../../install.sh", import.meta.url)),
  };
  const content = Object.hasOwn(assets, asset) ? assets[asset] : undefined;
  return content === undefined ? new Response("not found", { status: 404 }) : new Response(content);
}
