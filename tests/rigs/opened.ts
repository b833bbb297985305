/** Opens the store of `me/files` at a registry on this machine, with everything that happens written down. @module */
import assert from "node:assert/strict";
import type { LayerstashError } from "../../lib/errors.ts";
import type { TransferEvent } from "../../lib/events.ts";
import { type OpenOptions, openStore } from "../../lib/open/open_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { type TestClock, testClock } from "./clock.ts";
import { USER } from "./user.ts";

/** An open store and what was seen of it. */
export interface Opened extends Disposable {
  store: Store;
  clock: TestClock;
  /** Everything that happened, oldest first. */
  events: TransferEvent[];
  /** The messages of notices. */
  notices(): string[];
}

/** Opens the store; no wait in it is a real one. */
export function open(registry: { url: string }, options: Partial<OpenOptions> = {}): Opened {
  const events: TransferEvent[] = [];
  const clock = testClock();
  const store = openStore({
    registry: registry.url,
    repository: "me/files",
    clock,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const notices = () => events.flatMap((event) => event.type === "notice" ? [event.message] : []);
  return { store, clock, events, notices, [Symbol.dispose]: () => store.close() };
}

/** The error that something ends with; nothing that can be printed of it holds a secret. */
export async function failure(done: Promise<unknown>, ...secrets: string[]): Promise<LayerstashError> {
  const error = await done.then(() => assert.fail("it did not fail"), (error: LayerstashError) => error);
  for (const secret of [USER.password, ...secrets]) {
    assert.ok(!Deno.inspect(error, { depth: 10 }).includes(secret), "the error holds a secret");
  }
  return error;
}
