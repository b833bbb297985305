/** The file `oci-layout` of an OCI image layout: it makes a directory one, and whoever writes holds a lock on it. @module */
import { join } from "node:path";
import { Turns } from "../content/turns.ts";
import { beginIndex, createLayout } from "./layout_start.ts";

/** One of this process asks at a time: a lock that is waited for takes a thread, and whoever holds it needs one, too. */
const turns = new Turns();

/**
 * Locks a layout until the block ends. Writers of all processes take turns: each holds a lock on the file `oci-layout`,
 * which is written once and never replaced.
 *
 * @throws {MismatchError} when it has blobs, but no index any more
 */
export async function lockLayout(directory: string): Promise<Disposable> {
  await createLayout(directory);
  using turn = new DisposableStack();
  turn.use(await turns.take(directory));
  const marker = turn.use(await Deno.open(join(directory, "oci-layout"), { read: true, write: true }));
  await marker.lock(true);
  await beginIndex(directory);
  return turn.move();
}
