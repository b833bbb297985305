/** The demonstration: stores a real file in a directory and brings it back, through the real command line. @module */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSize } from "../cli/text/sizes.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const FARTHER = `
That was a directory. To store files in a registry, leave out "--registry oci:./box", or name another one:

  Docker Hub   deno run -A main.ts login docker -u YOU
               deno run -A main.ts upload -r YOU/files -t runtime -i FILE

  GHCR         deno run -A main.ts login ghcr -u YOU      (a classic token with write:packages)
               deno run -A main.ts upload --registry ghcr -r YOU/files -t runtime -i FILE
`;

/** Runs the demonstration in a directory of its own, which is removed at the end. */
async function demonstrate(): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-demo-" });
  try {
    await Deno.copyFile(Deno.execPath(), join(directory, "deno"));
    const { size } = await Deno.stat(join(directory, "deno"));
    say(`In ${directory} is a real file: ${basename(Deno.execPath())}, ${formatSize(size)}.\n`);
    const stash = ["--registry", "oci:./box", "-r", "me/files"];
    await show(directory, ["upload", ...stash, "-t", "runtime", "-i", "deno", "--chunk-size", "50MB"]);
    await show(directory, ["list", ...stash, "--exact-size"]);
    await show(directory, ["info", ...stash, "-t", "runtime"]);
    await show(directory, ["download", ...stash, "-t", "runtime", "-o", "copy"]);
    await show(directory, ["verify", ...stash, "-t", "runtime", "-i", "copy"]);
    say(FARTHER);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Shows a command as it would be typed, and runs it. */
async function show(directory: string, args: string[]): Promise<void> {
  say(`$ layerstash ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    cwd: directory,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  });
  const { code } = await command.output();
  if (code !== 0) throw new Error(`layerstash ${args[0]} ended with ${code}`);
  say("");
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) await demonstrate();
