/** The demonstration: stores a real file in a directory and gets it back with the real command line. @module */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSize } from "../cli/text/sizes.ts";

const COMMAND_LINE = fileURLToPath(new URL("../../main.ts", import.meta.url));
const NEXT_STEPS = `
That was a directory. To store files in a registry, put its address in the place of oci:./box/me/files:

  Docker Hub   deno run -A main.ts login docker -u YOU
               deno run -A main.ts upload FILE YOU/files:runtime

  GHCR         deno run -A main.ts login ghcr -u YOU      (a classic token with write:packages)
               deno run -A main.ts upload FILE ghcr.io/YOU/files:runtime
`;

/** Runs the demonstration in a temporary directory. */
async function demonstrate(): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-demo-" });
  try {
    await Deno.copyFile(Deno.execPath(), join(directory, "deno"));
    const { size } = await Deno.stat(join(directory, "deno"));
    printLine(`In ${directory} is a real file: ${basename(Deno.execPath())}, ${formatSize(size)}.\n`);
    const box = "oci:./box/me/files";
    await runShown(directory, ["upload", "deno", `${box}:runtime`, "--chunk-size", "50MB"]);
    await runShown(directory, ["list", box, "--exact-size"]);
    await runShown(directory, ["info", `${box}:runtime`]);
    await runShown(directory, ["download", `${box}:runtime`, "copy"]);
    await runShown(directory, ["verify", `${box}:runtime`, "copy"]);
    printLine(NEXT_STEPS);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Prints a command as a user would type it, and runs it. */
async function runShown(directory: string, args: string[]): Promise<void> {
  printLine(`$ layerstash ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", COMMAND_LINE, ...args],
    cwd: directory,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  });
  const { code } = await command.output();
  if (code !== 0) throw new Error(`layerstash ${args[0]} ended with ${code}`);
  printLine("");
}

function printLine(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) await demonstrate();
