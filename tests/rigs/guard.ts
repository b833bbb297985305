/** A guard over work that somebody hostile may make endless: it costs few requests and little memory, and ends in an error. @module */
import assert from "node:assert/strict";
import { LayerstashError } from "../../lib/errors.ts";

/** No more memory than this may be taken by an attack, in bytes; the caps on single answers are far below it. */
const ROOM = 200 * 1024 * 1024;
/** How often the guard looks, in milliseconds. */
const OFTEN = 10;

/** Waits for work, and fails as soon as it holds more than so many bytes, or holds them at its end. */
export async function guard<T>(work: () => Promise<T>, room: number): Promise<T> {
  const before = held();
  const tooMuch = Promise.withResolvers<never>();
  const look = () => {
    const more = held() - before;
    if (more > room) tooMuch.reject(new assert.AssertionError({ message: `it holds ${more} bytes` }));
  };
  const timer = setInterval(look, OFTEN);
  try {
    return await Promise.race([tooMuch.promise, work().finally(look)]);
  } finally {
    clearInterval(timer);
  }
}

/** What this file of tests holds, in bytes. The memory of the process is also that of files that run beside it. */
function held(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** An attack fails with an error of ours that is short, after few requests, and in little memory. */
export async function fends(
  done: () => Promise<unknown>,
  requests: () => number,
  most = 10,
): Promise<LayerstashError> {
  const before = requests();
  const error = await guard(() => done().then(() => undefined, (error) => error), ROOM);
  assert.ok(error instanceof LayerstashError, `${error?.stack ?? "it did not fail"}`);
  assert.ok(error.message.length < 1000, `${error.message.length} characters`);
  assert.ok(requests() - before <= most, `${requests() - before} requests`);
  return error;
}
