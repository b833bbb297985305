import assert from "node:assert/strict";
import { bytesSource } from "../lib/content/source.ts";
import { RateLimit } from "../lib/http/rate_limit.ts";
import { systemClock } from "../lib/async/clock.ts";
import type { Store } from "../lib/store/store.ts";
import { testClock } from "./rigs/clock.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { onSent } from "./rigs/events.ts";

/** A limit holds all connections together to a rate, up and down. */

const MiB = 1024 * 1024;
const SIZE = 6 * MiB;
const BYTES = someBytes(SIZE);

/** How many bytes a second so many bytes come to. */
const rateOf = (bytes: number, milliseconds: number) => bytes / milliseconds * 1000;

function assertWithin5Percent(found: number, wanted: number): void {
  assert.ok(Math.abs(found / wanted - 1) < 0.05, `${found} bytes a second, not ${wanted}`);
}

for (const push of ["parts", "stream", "put"] as const) {
  for (const limitRate of [50_000, MiB]) {
    Deno.test(`what is sent ${push} and read keeps to ${limitRate} bytes a second`, async () => {
      await using fake = await startFakeRegistry();
      using opened = open(fake, { limitRate, profile: { push } });
      const { store, clock } = opened;
      const began = clock.now();
      const { digest } = await store.write(bytesSource(BYTES));
      const sent = clock.now();
      assertWithin5Percent(rateOf(SIZE, sent - began), limitRate);
      const read = await new Response(await store.read(digest)).bytes();
      assert.deepEqual(read, BYTES);
      assertWithin5Percent(rateOf(SIZE, clock.now() - sent), limitRate);
    });
  }
}

Deno.test("reading with the transport that checks no certificates keeps to the limit, too", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, { limitRate: MiB, insecureSkipTlsVerify: true });
  const { store, clock } = opened;
  const { digest } = await store.write(bytesSource(BYTES));
  const began = clock.now();
  assert.deepEqual(await new Response(await store.read(digest)).bytes(), BYTES);
  assertWithin5Percent(rateOf(SIZE, clock.now() - began), MiB);
});

Deno.test("several connections share one limit", async () => {
  const waits: number[] = [];
  const clock = {
    ...testClock(),
    now: () => 0,
    sleep: (wait: number) => Promise.resolve(void waits.push(wait)),
  };
  const limit = new RateLimit(1000, clock);
  await Promise.all([limit.take(100), limit.take(200), limit.take(300), limit.take(100)]);
  assert.deepEqual(waits, [100, 300, 600]);
});

Deno.test("what is read from one store and written to another shares a limit that both are given", async () => {
  await using fake = await startFakeRegistry();
  const clock = testClock();
  const limitRate = new RateLimit(MiB, clock);
  using one = open(fake, { limitRate });
  using other = open(fake, { limitRate, repository: "me/others" });
  const { digest } = await one.store.write(bytesSource(BYTES));
  await other.store.write(bytesSource(BYTES));
  assert.deepEqual(await new Response(await one.store.read(digest)).bytes(), BYTES);
  assertWithin5Percent(rateOf(3 * SIZE, clock.now()), MiB);
});

Deno.test("time that nobody used is not made up for", async () => {
  const clock = testClock();
  const limit = new RateLimit(1000, clock);
  await limit.take(100);
  await clock.sleep(60_000);
  const began = clock.now();
  for (let each = 0; each < 11; each++) await limit.take(100);
  assert.equal(clock.now() - began, 1000);
});

Deno.test("who gives up need not wait for the turn", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, { limitRate: 1000, clock: systemClock });
  const cancelled = new AbortController();
  const writing = opened.store.write(bytesSource(BYTES), {
    signal: cancelled.signal,
    onEvent: onSent(() => cancelled.abort(new Error("enough"))),
  });
  assert.equal((await failure(writing)).message, "enough");
  const { digest } = await writeAll(opened.store);
  const reading = new AbortController();
  const reader = (await opened.store.read(digest, { signal: reading.signal })).getReader();
  const rest = reader.read().then(() => (reading.abort(new Error("enough")), reader.read()));
  assert.equal((await failure(rest)).message, "enough");

  async function writeAll(_: Store) {
    using other = open(fake);
    return await other.store.write(bytesSource(BYTES));
  }
});

Deno.test("on the command line, a file does not go faster than it may", async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await place.write("file", BYTES);
  const stash = ["--registry", fake.url, "-r", "me/files", "-t", "disk", "--limit-rate", "6MiB"];
  for (const words of [["upload", ...stash, "-i", "file"], ["download", ...stash, "-o", "copy"]]) {
    const began = performance.now();
    const { code, stderr } = await place.run(words);
    assert.equal(code, 0, stderr);
    assert.ok(performance.now() - began > 950, "6 MiB at 6 MiB a second take a second");
  }
  assert.deepEqual(new Uint8Array(await Deno.readFile(place.path("copy"))), BYTES);
});

Deno.test("a rate that is none is refused", async () => {
  await using place = await makeWorkplace();
  const words = ["download", "--registry", "oci:x", "-r", "me/files", "-t", "disk", "-o", "copy"];
  for (const rate of ["0.0", "fast", "-1MB"]) {
    const { code, stderr } = await place.run([...words, `--limit-rate=${rate}`]);
    assert.equal(code, 2);
    assert.match(stderr, /use bytes, or a number with a unit, such as 500MB/);
  }
});
