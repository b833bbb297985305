/** A block device with a file's bytes, which root on Linux can make. @module */
import { announce } from "./run_notes.ts";

/** A device that goes with the test. */
export interface BlockDevice extends AsyncDisposable {
  /** As in `/dev/loop0`. */
  path: string;
}

/** For tests that need one: `Deno.test(name, withBlockDevice, ...)`. */
export const withBlockDevice: { ignore: boolean } = { ignore: !await canAttach() };

/** Makes a device of a file, whose size is a multiple of 512 bytes. */
export async function attachBlockDevice(file: string): Promise<BlockDevice> {
  const path = await run(["--find", "--show", file]);
  return { path, [Symbol.asyncDispose]: async () => void await run(["--detach", path]) };
}

async function canAttach(): Promise<boolean> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.truncate(file, 4096);
    await using _device = await attachBlockDevice(file);
    return true;
  } catch (error) {
    announce(`cannot test against a block device here: ${(error as Error).message}`);
    return false;
  } finally {
    await Deno.remove(file);
  }
}

async function run(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("losetup", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  return new TextDecoder().decode(stdout).trim();
}
