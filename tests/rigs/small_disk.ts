/** A small disk, for tests of full ones: a file system in memory, which root on Linux can mount. @module */
import { announce } from "./run_notes.ts";

/** A disk that goes with the test. */
export interface SmallDisk extends AsyncDisposable {
  /** Mounts it once more with other options, such as `ro` or `size=170m`. */
  remount(options: string): Promise<void>;
}

/** For tests that need one: `Deno.test(name, withSmallDisk, ...)`. */
export const withSmallDisk: { ignore: boolean } = { ignore: !await canMount() };

/** Mounts a disk of a size such as `2m` at a path, which is made. */
export async function mountSmallDisk(path: string, size: string): Promise<SmallDisk> {
  await Deno.mkdir(path, { recursive: true });
  const mount = (options: string) => run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  await mount(`size=${size}`);
  return {
    remount: (options) => mount(`remount,${options}`),
    [Symbol.asyncDispose]: () => run("umount", [path]),
  };
}

async function canMount(): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  try {
    await using _disk = await mountSmallDisk(directory, "1m");
    return true;
  } catch (error) {
    announce(`cannot test against a full disk here: ${(error as Error).message}`);
    return false;
  } finally {
    await Deno.remove(directory);
  }
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
