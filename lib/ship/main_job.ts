/** The main job, done by a program that was built: a file goes up, comes back, and is verified. @module */
import { join } from "node:path";

/** Enough for chunks that are hashed in a thread of their own. */
const FILE_SIZE = 24 * 1024 * 1024;
const STASH = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];

/**
 * Does the main job in a directory of its own.
 *
 * @param words the command that is layerstash; a path in it is absolute
 * @param env variables that it gets in addition
 * @throws {Error} with what the program said, when it fails or the file comes back different
 */
export async function doMainJob(words: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const program = { words, env };
  const directory = await Deno.makeTempDir({ prefix: "layerstash-main-job-" });
  try {
    await Deno.writeFile(join(directory, "disk.img"), noise(FILE_SIZE));
    await run(program, directory, ["upload", ...STASH, "-i", "disk.img", "--chunk-size", "9MiB"]);
    await run(program, directory, ["download", ...STASH, "-o", "copy.img"]);
    await run(program, directory, ["verify", ...STASH, "--deep"]);
    await compare(join(directory, "disk.img"), join(directory, "copy.img"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A command, and the variables that it gets in addition. */
interface Program {
  words: readonly string[];
  env: Record<string, string>;
}

async function run({ words, env }: Program, cwd: string, args: readonly string[]): Promise<void> {
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

async function compare(one: string, other: string): Promise<void> {
  const [sent, back] = [await Deno.readFile(one), await Deno.readFile(other)];
  const same = sent.length === back.length && sent.every((byte, index) => byte === back[index]);
  if (!same) throw new Error("the file came back different");
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
