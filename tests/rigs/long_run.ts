/** Sizes and counts of the tests that are run twice: smaller with all others, and whole by `deno task test:long`. @module */
import { statfs } from "node:fs/promises";

/** Whether these tests are run as large as they are meant to be. */
export const IS_LONG: boolean = Deno.env.get("LAYERSTASH_TESTS_LONG") === "1";

/** Chooses the size of a large file, in bytes. A long run must have the room on the disk that it needs. */
export async function chooseSize(
  directory: string,
  { short, long, room }: { short: number; long: number; room: number },
): Promise<number> {
  if (!IS_LONG) return short;
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < room) throw new Error(`the test needs ${room} bytes of room on the disk`);
  return long;
}
