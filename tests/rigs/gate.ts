/** Holds requests at the fake registry, to count how many a client has under way at once. @module */
import type { FakeRegistry, RecordedRequest } from "./fake_registry.ts";

const PROBE = "x-probe";

/**
 * Holds the chosen requests until the client sends nothing else, then lets them pass together. Nothing is left to time:
 * the client has nothing more to send when requests of the test's own come and go, and none of the client's does.
 *
 * @returns how many were held at once, one number for each round
 */
export function holdRequests(fake: FakeRegistry, isHeld: (request: RecordedRequest) => boolean): number[] {
  const counts: number[] = [];
  let held: (() => void)[] = [];
  const release = async () => {
    await untilQuiet(fake, () => held.length);
    counts.push(held.length);
    const all = held;
    held = [];
    for (const pass of all) pass();
  };
  fake.faults.onRequest = async (request) => {
    if (!isHeld(request)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    held.push(resolve);
    if (held.length === 1) void release();
    await promise;
  };
  return counts;
}

/** Waits until the only requests without an answer are the ones that are held, over several round trips. */
async function untilQuiet(fake: FakeRegistry, held: () => number): Promise<void> {
  const ofClient = () => fake.requests.filter(({ headers }) => headers[PROBE] === undefined);
  for (let quiet = 0, seen = -1; quiet < 5;) {
    await (await fetch(`${fake.url}/v2/`, { headers: { [PROBE]: "1" } })).body?.cancel();
    const requests = ofClient();
    const open = requests.filter(({ status }) => status === 0).length;
    quiet = requests.length === seen && open === held() ? quiet + 1 : 0;
    seen = requests.length;
  }
}
