/** A registry that answers in rounds: the requests that come side by side are answered when all of them are there. @module */
import assert from "node:assert/strict";
import type { FakeRegistry, RecordedRequest } from "./fake_registry.ts";

/** A request without its repository, and without what differs from run to run. */
export function nameOf({ method, path }: RecordedRequest): string {
  const short = path.replace("/v2/me/files/", "").replace(/uploads\/.*/, "uploads/");
  return `${method} ${short.replace(/sha256:.*/, method === "HEAD" ? "bytes" : "blob")}`;
}

/**
 * Makes sure that a piece of work makes these requests, in rounds: those of a round do not wait for each other. Work that needs
 * an answer before its round is stopped.
 */
export async function requireRounds(
  { faults }: FakeRegistry,
  wanted: readonly (readonly string[])[],
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  const deadline = setTimeout(() => stop.abort(), 60_000);
  const rounds: string[][] = [[]];
  let answering = Promise.withResolvers<void>();
  stop.signal.addEventListener("abort", () => answering.resolve());
  faults.onRequest = async (request) => {
    const round = rounds.at(-1)!;
    round.push(nameOf(request));
    round.sort();
    const answer = answering.promise;
    if (round.length === wanted[rounds.length - 1]?.length) {
      answering.resolve();
      answering = Promise.withResolvers();
      rounds.push([]);
    }
    if (!stop.signal.aborted) await answer;
  };
  const failure = await work(stop.signal).then(() => undefined, (error) => error);
  clearTimeout(deadline);
  delete faults.onRequest;
  assert.deepEqual(rounds, [...wanted.map((round) => [...round].sort()), []], `${failure ?? ""}`);
  assert.equal(failure, undefined);
}
