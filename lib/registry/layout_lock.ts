/** The file `oci-layout` of an OCI image layout: it makes a directory one, and whoever writes holds a lock on it. @module */
import { join } from "node:path";
import { beginIndex, createLayout } from "./layout_start.ts";

/** The last of those who wait within this process, by directory. */
const turns = new Map<string, Promise<void>>();

/**
 * Locks a layout until the block ends. Writers of all processes take turns: each holds a lock on the file `oci-layout`,
 * which is written once and never replaced.
 *
 * @throws {MismatchError} when it has blobs, but no index any more
 */
export async function lockLayout(directory: string): Promise<Disposable> {
  await createLayout(directory);
  using turn = new DisposableStack();
  turn.defer(await takeTurn(directory));
  const marker = turn.use(await Deno.open(join(directory, "oci-layout"), { read: true, write: true }));
  await marker.lock(true);
  await beginIndex(directory);
  return turn.move();
}

/** One of this process asks at a time: a lock that is waited for takes a thread, and whoever holds it needs one, too. */
async function takeTurn(directory: string): Promise<() => void> {
  const before = turns.get(directory);
  const { promise, resolve } = Promise.withResolvers<void>();
  turns.set(directory, promise);
  await before;
  return () => {
    if (turns.get(directory) === promise) turns.delete(directory);
    resolve();
  };
}
