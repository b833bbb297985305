/** The file `oci-layout` of an OCI image layout: it makes a directory one, and whoever writes holds a lock on it. @module */
import { join } from "node:path";
import { Turns } from "../content/turns.ts";

/** One of this process asks at a time: a lock that is waited for takes a thread, and whoever holds it needs one, too. */
const turns = new Turns();

/**
 * Locks a layout until the block ends. Writers of all processes take turns: each holds a lock on the file `oci-layout`,
 * which is written once and never replaced.
 */
export async function lockLayout(directory: string): Promise<Disposable> {
  await createLayout(directory);
  using turn = new DisposableStack();
  turn.use(await turns.take(directory));
  const marker = turn.use(await Deno.open(join(directory, "oci-layout"), { read: true, write: true }));
  await marker.lock(true);
  return turn.move();
}

/** Makes the directories and the marker file of a layout where they are missing. */
export async function createLayout(directory: string): Promise<void> {
  await Deno.mkdir(join(directory, "blobs", "sha256"), { recursive: true });
  const marker = join(directory, "oci-layout");
  if (await exists(marker)) return;
  // Linking gives the marker its name with its content in it, and leaves the one of a faster writer alone.
  const draft = join(directory, `.layerstash-${crypto.randomUUID()}`);
  await Deno.writeTextFile(draft, JSON.stringify({ imageLayoutVersion: "1.0.0" }), { createNew: true });
  try {
    await Deno.link(draft, marker).catch(async (error) => {
      if (error instanceof Deno.errors.AlreadyExists) return;
      await Deno.rename(draft, marker); // a file system without hard links, as on most USB sticks
    });
  } finally {
    await Deno.remove(draft).catch(() => {});
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
