/** Makes `dist/layerstash.js`: the whole program in one file, for plain `deno run`. @module */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const WORKER = fileURLToPath(new URL("../content/hash_worker.ts", import.meta.url));

/** How the source names the file of the hashing thread. The bundle is one file, so it contains that file as text. */
const WORKER_URL = 'new URL("./hash_worker.ts", import.meta.url)';

/** The path of the bundle. */
export const BUNDLE = fileURLToPath(new URL("../../dist/layerstash.js", import.meta.url));

/**
 * Makes the bundle, and returns its path.
 *
 * @throws {Error} if `deno bundle` fails, or the program names its thread in another way
 */
export async function makeBundle(path: string = BUNDLE): Promise<string> {
  const [program, worker] = [await bundled(MAIN), await bundled(WORKER)];
  const pieces = program.split(WORKER_URL);
  if (pieces.length !== 2) {
    throw new Error(`the bundle contains ${WORKER_URL} ${pieces.length - 1} times, not once`);
  }
  const carried = JSON.stringify(`data:text/javascript,${encodeURIComponent(worker)}`);
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, `#!/usr/bin/env -S deno run --no-config -A\n${pieces.join(carried)}`, {
    mode: 0o755,
  });
  return path;
}

async function bundled(entry: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--frozen", "--platform", "deno", entry],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(`deno bundle: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

// deno-lint-ignore no-console -- the task prints what it made
if (import.meta.main) console.log(await makeBundle());
