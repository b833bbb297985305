/** Checks a built program by its main job: it stores a file, gets it back, and verifies it. @module */
import { join } from "node:path";
import { isSameBytes } from "../content/bytes.ts";

/** Large enough that chunks are hashed in a thread of their own. */
const FILE_SIZE = 24 * 1024 * 1024;
const STASH = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];

/**
 * Does the main job in a temporary directory.
 *
 * @param words the command that starts layerstash; paths in it must be absolute
 * @param env additional environment variables
 * @throws {Error} with the program's message, if it fails or the file comes back different
 */
export async function doMainJob(words: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const program = { words, env };
  const directory = await Deno.makeTempDir({ prefix: "layerstash-main-job-" });
  try {
    await Deno.writeFile(join(directory, "disk.img"), noise(FILE_SIZE));
    await runStep(program, directory, ["upload", ...STASH, "-i", "disk.img", "--chunk-size", "9MiB"]);
    await runStep(program, directory, ["download", ...STASH, "-o", "copy.img"]);
    await runStep(program, directory, ["verify", ...STASH, "--deep"]);
    await requireSameFiles(join(directory, "disk.img"), join(directory, "copy.img"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A command and additional environment variables. */
interface Program {
  words: readonly string[];
  env: Record<string, string>;
}

async function runStep({ words, env }: Program, cwd: string, args: readonly string[]): Promise<void> {
  const [name = "", ...rest] = [...words, ...args];
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args: rest,
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1", LAYERSTASH_STATE_DIR: join(cwd, "state"), ...env },
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim() || new TextDecoder().decode(stdout).trim();
  throw new Error(`${args[0]} failed: ${said.split("\n")[0]}`);
}

async function requireSameFiles(one: string, other: string): Promise<void> {
  const [sent, back] = [await Deno.readFile(one), await Deno.readFile(other)];
  if (!isSameBytes(sent, back)) throw new Error("the file came back different");
}

function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

if (import.meta.main) {
  await doMainJob(Deno.args);
  // deno-lint-ignore no-console -- the task says how it went
  console.log("upload, download and verify: done");
}
