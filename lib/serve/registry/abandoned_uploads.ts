/** Ends uploads that nobody goes on with, in all repositories: what has come of them fills the disk. @module */
import type { Serving } from "../part.ts";

/** How often is looked for them, in milliseconds. */
const INTERVAL = 3600_000;

/** When each server last looked for them. */
const lookedAt = new WeakMap<Serving, number>();

/** Ends those that got nothing for a week. It looks for them once an hour. */
export async function endOldUploads(serving: Serving): Promise<void> {
  if (Date.now() - (lookedAt.get(serving) ?? -Infinity) < INTERVAL) return;
  lookedAt.set(serving, Date.now());
  await endAbandoned(serving, { needsRoom: false });
}

/** Ends those that got nothing for an hour: the disk is full. */
export async function makeRoom(serving: Serving): Promise<void> {
  await endAbandoned(serving, { needsRoom: true });
}

/** Where that fails, the operator learns it; the request that it was for goes on. */
async function endAbandoned(
  { repositories, onEvent }: Serving,
  options: { needsRoom: boolean },
): Promise<void> {
  try {
    for await (const name of repositories.names()) {
      const { isWritable, store } = await repositories.find(name) ?? {};
      if (isWritable) await store?.uploads?.endAbandoned(options);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onEvent?.({ type: "notice", message: `uploads that nobody goes on with are kept: ${reason}` });
  }
}
