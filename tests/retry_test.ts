/** When requests are made again: the policy alone, and the loop around a registry that fails. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { NotAllowedError, NotFoundError, RegistryError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { bytesSource } from "../lib/content/source.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { DEFAULT_RETRY_POLICY, retryDelay, retrying } from "../lib/async/retry.ts";
import { HostPace } from "../lib/http/host_pace.ts";
import { isTransientAnswer, retryAfterOf } from "../lib/http/retry_after.ts";
import { systemClock } from "../lib/async/clock.ts";
import { inTime } from "../lib/http/timeouts.ts";
import { inWords } from "../lib/messages.ts";
import { download, openStore, upload, verify } from "../main.ts";
import { sharedClock, testClock } from "./rigs/clock.ts";
import { makeWorkspace } from "./rigs/content.ts";
import { type Failure, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";

const HELLO = new TextEncoder().encode("hello, registry");
const BLOB = digestOf(HELLO);

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

Deno.test("a wait is anywhere from nothing to an end that doubles, up to the longest", () => {
  const { attempts, firstWait, longestWait } = DEFAULT_RETRY_POLICY;
  fc.assert(fc.property(fc.integer({ min: 1, max: attempts - 1 }), unit, (attempt, random) => {
    const delay = retryDelay(DEFAULT_RETRY_POLICY, { attempt, random });
    const end = Math.min(longestWait, firstWait * 2 ** (attempt - 1));
    assert.ok(delay !== undefined && delay >= 0 && delay <= end);
    assert.equal(delay, end * random);
  }));
});

Deno.test("the attempts end where the policy says so", () => {
  const { attempts } = DEFAULT_RETRY_POLICY;
  assert.notEqual(retryDelay(DEFAULT_RETRY_POLICY, { attempt: attempts - 1, random: 0 }), undefined);
  assert.equal(retryDelay(DEFAULT_RETRY_POLICY, { attempt: attempts, random: 0 }), undefined);
});

Deno.test("a registry is never asked earlier than it wants, nor waited for longer than the policy allows", () => {
  const { longestRetryAfter } = DEFAULT_RETRY_POLICY;
  fc.assert(fc.property(fc.integer({ min: 0, max: longestRetryAfter }), unit, (retryAfter, random) => {
    assert.ok(retryDelay(DEFAULT_RETRY_POLICY, { attempt: 3, retryAfter, random })! >= retryAfter);
  }));
  assert.equal(
    retryDelay(DEFAULT_RETRY_POLICY, { attempt: 1, retryAfter: longestRetryAfter + 1, random: 0 }),
    undefined,
  );
});

Deno.test("Retry-After is read as seconds and as a date", () => {
  const date = "Sat, 01 Aug 2026 12:00:00 GMT";
  const read = (value: string | null) =>
    retryAfterOf(new Headers({ date, ...(value !== null && { "retry-after": value }) }));
  assert.equal(read("120"), 120_000);
  assert.equal(read(" 0 "), 0);
  assert.equal(read("Sat, 01 Aug 2026 12:00:30 GMT"), 30_000);
  assert.equal(read("Sat, 01 Aug 2026 11:00:00 GMT"), 0);
  for (const nothing of [null, "", "soon", "-5", "1.5.2"]) {
    assert.equal(read(nothing), undefined, `${nothing}`);
  }
});

Deno.test("some statuses and codes pass, others are for good", () => {
  for (const status of [408, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524]) {
    assert.ok(isTransientAnswer(status, []), `${status}`);
  }
  for (const status of [200, 400, 401, 403, 404, 405, 409, 411, 413, 416, 501]) {
    assert.ok(!isTransientAnswer(status, []), `${status}`);
  }
  assert.ok(isTransientAnswer(400, ["TOOMANYREQUESTS"]));
  assert.ok(!isTransientAnswer(400, ["MANIFEST_INVALID"]));
});

Deno.test("the loop waits, tells of it, and gives what comes in the end", async () => {
  const clock = testClock();
  const events: TransferEvent[] = [];
  let left = 3;
  const value = await retrying(
    { policy: DEFAULT_RETRY_POLICY, clock, onEvent: (event) => void events.push(event) },
    "a thing",
    () => left-- > 0 ? Promise.reject(new RegistryError("not now", { transient: true })) : Promise.resolve(7),
  );
  assert.equal(value, 7);
  assert.deepEqual(clock.waits, [250, 500, 1000]);
  assert.deepEqual(events.at(-1), {
    type: "retry",
    what: "a thing",
    attempt: 3,
    delay: 1000,
    reason: "not now",
  });
});

Deno.test("the loop ends at once for an error that does not pass, and when it is aborted", async () => {
  const context = { policy: DEFAULT_RETRY_POLICY, clock: testClock() };
  const wrong = new NotAllowedError("never");
  assert.equal(await failure(retrying(context, "it", () => Promise.reject(wrong))), wrong);
  const aborter = new AbortController();
  const stop = new Error("stop");
  const attempt = () => {
    aborter.abort(stop);
    return Promise.reject(new RegistryError("not now", { transient: true }));
  };
  assert.equal(await failure(retrying({ ...context, signal: aborter.signal }, "it", attempt)), stop);
  assert.deepEqual(context.clock.waits, []);
});

Deno.test("a wait of the system's clock is ended by a signal", async () => {
  const stop = new Error("stop");
  assert.equal(await failure(systemClock.sleep(3_600_000, AbortSignal.abort(stop))), stop);
  const aborter = new AbortController();
  const waiting = systemClock.sleep(3_600_000, aborter.signal);
  aborter.abort(stop);
  assert.equal(await failure(waiting), stop);
  await systemClock.sleep(0);
});

/** A registry with the blob, of which HEAD fails so. */
async function failing(failed: Partial<Failure>) {
  const fake = await startFakeRegistry();
  fake.storage.addBlob("me/files", HELLO);
  const answer: Failure = { method: "GET", path: /\/blobs\/sha256/, status: 503, times: 2, ...failed };
  fake.faults.failNext = [answer];
  return fake;
}

async function textOf(reading: Promise<ReadableStream<Uint8Array<ArrayBuffer>>>): Promise<string> {
  return await new Response(await reading).text();
}

Deno.test("429 is waited for as long as it says, in seconds", async () => {
  await using fake = await failing({ status: 429, headers: { "retry-after": "7" }, times: 1 });
  using opened = open(fake);
  assert.equal(await textOf(opened.store.read(BLOB)), "hello, registry");
  assert.equal(opened.clock.now(), 7000);
  assert.deepEqual(opened.events.map(({ type }) => type), ["request", "retry", "request"]);
});

Deno.test("429 is waited for as long as it says, until a date", async () => {
  const date = new Date(Date.now() + 100_000).toUTCString();
  await using fake = await failing({ status: 429, headers: { "retry-after": date }, times: 1 });
  using opened = open(fake);
  assert.equal(await textOf(opened.store.read(BLOB)), "hello, registry");
  assert.ok(opened.clock.now() > 50_000 && opened.clock.now() <= 101_000, `${opened.clock.now()}`);
});

Deno.test("a registry that asks for a pause of hours ends the attempts", async () => {
  await using fake = await failing({ status: 429, headers: { "retry-after": "21600" }, times: 9 });
  using opened = open(fake);
  const error = await failure(opened.store.read(BLOB));
  assert.ok(error instanceof RegistryError && error.status === 429 && error.retryAfter === 21_600_000);
  assert.match(error.message, /answered 429 .*; it asks for a pause of 6 hours$/);
  const [, date] = /^come back after (\d{4}-\d\d-\d\d \d\d:\d\d) UTC: /.exec(error.hint ?? "") ?? [];
  const until = Date.parse(`${date}Z`) - Date.now();
  assert.ok(until > 21_500_000 && until <= 21_600_000, error.hint);
  assert.equal(opened.clock.now(), 0);
  assert.equal(fake.requests.length, 1);
});

Deno.test("other requests wait too while the registry asks for a pause", async () => {
  await using fake = await failing({ status: 429, headers: { "retry-after": "60" }, times: 1 });
  using opened = open(fake, { retry: { attempts: 1 } });
  await failure(opened.store.read(BLOB));
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  assert.equal(opened.clock.now(), 60_000);
});

Deno.test("a page of HTML with 503 passes, and is named as one when it does not", async () => {
  const page = {
    headers: { "content-type": "text/html" },
    body: "<html><h1>503 Service Unavailable</h1></html>",
  };
  await using fake = await failing({ ...page, times: 2 });
  using opened = open(fake);
  assert.equal(await textOf(opened.store.read(BLOB)), "hello, registry");
  fake.faults.failNext![0]!.times = 100;
  const error = await failure(opened.store.read(BLOB));
  assert.match(error.message, /503.*web page/);
  assert.ok(!error.message.includes("<"));
  assert.equal(fake.requests.length, 3 + DEFAULT_RETRY_POLICY.attempts);
});

Deno.test("a connection that is cut before the answer is made again", async () => {
  await using fake = await failing({ status: 0, times: 2 });
  using opened = open(fake);
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  assert.equal(await textOf(opened.store.read(BLOB)), "hello, registry");
});

Deno.test("a host that never answered is given up after few attempts, with its name and no URL", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  using opened = open({ url: `http://${host}` });
  const error = await failure(opened.store.stat(BLOB));
  assert.ok(error instanceof RegistryError && error.status === 0);
  assert.ok(error.message.startsWith(`${host} does not answer: `), error.message);
  assert.ok(!error.message.includes("/v2/"), error.message);
  assert.equal(opened.clock.waits.length, 2);
  assert.deepEqual(opened.events.flatMap((event) => event.type === "request" ? [event.status] : []), [
    0,
    0,
    0,
  ]);
});

Deno.test("a host that has answered before is waited for until an outage has lasted too long", async () => {
  const { attempts, longestOutage, longestWait } = DEFAULT_RETRY_POLICY;
  for (
    const [policy, waited] of [[{}, longestOutage], [{ longestOutage: 0 }, 0], [{ attempts: 1 }, -1]] as const
  ) {
    const fake = await startFakeRegistry();
    using opened = open(fake, { retry: policy });
    assert.equal(await opened.store.stat(BLOB), undefined);
    await fake[Symbol.asyncDispose]();
    await failure(opened.store.stat(BLOB));
    const { waits } = opened.clock;
    if (waited > 0) assert.ok(opened.clock.now() >= waited && opened.clock.now() <= waited + longestWait);
    else assert.equal(waits.length, waited === 0 ? attempts - 1 : 0);
  }
});

Deno.test("an outage counts only as long as there is no answer at all", async () => {
  const clock = testClock();
  const away = new RegistryError("no answer", { transient: true });
  const busy = new RegistryError("busy", { status: 503, transient: true });
  let count = 0;
  const context = { policy: DEFAULT_RETRY_POLICY, clock };
  const attempt = () => Promise.reject(++count < 12 ? away : busy);
  assert.equal(await failure(retrying(context, "it", attempt)), busy);
  assert.equal(count, 12, "its attempts were used up meanwhile");
});

Deno.test("an error with another hint keeps its class and what the registry said", () => {
  const cause = new Error("beneath");
  const details = {
    status: 429,
    codes: ["TOOMANYREQUESTS"],
    transient: true,
    retryAfter: 5000,
    givenUp: true,
  };
  const error = new RegistryError("busy", { ...details, cause });
  const advised = error.with({ hint: "come back" });
  assert.ok(advised instanceof RegistryError && advised !== error);
  const { message, hint, name, kind, status, codes, transient, retryAfter, givenUp } = advised;
  assert.deepEqual({ status, codes, transient, retryAfter, givenUp }, details);
  assert.deepEqual([message, hint, name, kind], ["busy", "come back", "RegistryError", "failed"]);
  assert.equal(advised.cause, cause);
  assert.equal(error.hint, undefined);
  const other = advised.with({ message: "gone", hint: undefined, cause: error });
  assert.deepEqual([other.message, other.hint, other.cause], ["gone", undefined, error]);
  const missing = new NotFoundError("there is no tag").with({ hint: "see the list" });
  assert.ok(missing instanceof NotFoundError && missing.kind === "not-found");
});

Deno.test("what one loop has given up, a loop around it does not begin anew", async () => {
  const context = { policy: DEFAULT_RETRY_POLICY, clock: testClock() };
  let count = 0;
  const attempt = () =>
    Promise.reject((count++, new RegistryError("busy", { status: 503, transient: true })));
  const inner = () => retrying(context, "it", attempt);
  assert.equal((await failure(retrying(context, "all of it", inner))).message, "busy");
  assert.equal(count, DEFAULT_RETRY_POLICY.attempts);
});

Deno.test("a promise that takes too long, or whose signal says so, is not waited for", async () => {
  const never = new Promise<never>(() => {});
  const late = () => new Error("too late");
  const stop = new Error("stop");
  assert.equal((await failure(inTime(never, { milliseconds: 1, late }))).message, "too late");
  const signal = AbortSignal.abort(stop);
  assert.equal(await failure(inTime(never, { milliseconds: Infinity, late, signal })), stop);
  assert.equal(await inTime(systemClock.sleep(5).then(() => 7), { milliseconds: Infinity, late }), 7);
});

Deno.test("times are told in words", () => {
  const words = [50, 1500, 60_000, 119_000, 120_000, 900_000, 7_199_000, 7_200_000, 21_600_000].map(inWords);
  assert.deepEqual(words, [
    "0.05 seconds",
    "1.5 seconds",
    "60 seconds",
    "119 seconds",
    "2 minutes",
    "15 minutes",
    "120 minutes",
    "2 hours",
    "6 hours",
  ]);
});

Deno.test("an aborted call ends with the signal's reason, and is not made again", async () => {
  const aborter = new AbortController();
  const stop = new Error("stop");
  await using fake = await startFakeRegistry({ faults: { onRequest: () => aborter.abort(stop) } });
  using opened = open(fake);
  assert.equal(await failure(opened.store.stat(BLOB, { signal: aborter.signal })), stop);
  assert.equal(await failure(opened.store.write(bytesSource(HELLO), { signal: aborter.signal })), stop);
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("what an attempt was for is told once", async () => {
  const events: TransferEvent[] = [];
  for (const told of [" to the request for the thing: it is busy", ", at the request for the thing", ""]) {
    let left = 1;
    const reject = () => Promise.reject(new RegistryError(`no answer${told}`, { transient: true }));
    const onEvent = (event: TransferEvent) => void events.push(event);
    const context = { policy: DEFAULT_RETRY_POLICY, clock: testClock(), onEvent };
    await retrying(context, "the thing", () => left-- > 0 ? reject() : Promise.resolve());
  }
  const reasons = events.map((event) => event.type === "retry" && event.reason);
  assert.deepEqual(reasons, ["no answer: it is busy", "no answer", "no answer"]);
});

Deno.test("a stash says which chunk is tried again, and no digest", async () => {
  await using fake = await startFakeRegistry();
  await using work = await makeWorkspace();
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => void events.push(event);
  using store = openStore({ registry: fake.url, repository: "me/files", clock: testClock(), onEvent });
  const linesOf = async (running: Promise<unknown>) => {
    await running;
    return events.splice(0).flatMap((event) =>
      event.type === "retry" ? [`${event.what}: ${event.reason}`] : []
    );
  };
  const input = await work.write("disk.img", HELLO);
  const how = { chunkSize: 8, jobs: 1 };
  fake.faults.failNext = [{ method: "POST", status: 503, times: 2 }];
  const chunk = `chunk 2: ${fake.host} answered 503`;
  const [first] = await linesOf(upload(store, "disk", { ...how, input }));
  assert.equal(first, `an upload of chunk 1: ${fake.host} answered 503`);
  const path = new RegExp(digestOf(HELLO.slice(8)));
  for (const output of [work.path("copy.img"), new WritableStream<Uint8Array>()]) {
    fake.faults.failNext = [{ method: "GET", path, status: 503, times: 1 }];
    assert.deepEqual(await linesOf(download(store, "disk", { ...how, output })), [chunk]);
  }
  for (const [deep, method] of [[true, "GET"], [false, "HEAD"]] as const) {
    fake.faults.failNext = [{ method, path, status: 503, times: 1 }];
    assert.deepEqual(await linesOf(verify(store, "disk", { ...how, deep })), [chunk]);
  }
});

for (const jobs of [1, undefined]) {
  Deno.test(`a registry that takes two requests a second is finished, with ${jobs ?? "any number of"} jobs`, async () => {
    const clock = sharedClock(() => fake.isBusy);
    await using fake = await startFakeRegistry({ faults: { limit: { now: clock.now, interval: 500 } } });
    await using work = await makeWorkspace();
    using store = openStore({ registry: fake.url, repository: "me/files", clock });
    const input = await work.write("disk.img", new Uint8Array(30).map((_, index) => index));
    await upload(store, "disk", { input, chunkSize: 1, jobs });
    await download(store, "disk", { output: work.path("back"), jobs });
    assert.deepEqual(await Deno.readFile(work.path("back")), await Deno.readFile(input));
    const [all, refused] = [
      fake.requests.length,
      fake.requests.filter(({ status }) => status === 429).length,
    ];
    assert.ok(refused < all / 2, `${refused} of ${all} were refused`);
    assert.ok(clock.now() < (all - refused) * 1000, `${clock.now()} ms for ${all - refused} requests`);
  });
}

Deno.test("a registry that takes nothing but looks is given up", async () => {
  const clock = testClock();
  await using fake = await startFakeRegistry();
  fake.faults.failNext = [{ method: "PATCH", status: 503, times: Infinity }];
  using opened = open(fake, { clock, profile: { partSize: 1024 ** 2 } });
  const error = await failure(opened.store.write(bytesSource(new Uint8Array(2 * 1024 ** 2))));
  assert.match(error.message, /answered 503/);
  assert.ok(fake.requests.length < 40, `${fake.requests.length} requests`);
});

for (
  const [what, faults] of Object.entries(
    { blob: { redirectBlobs: 307 }, upload: { locations: "absolute" } } as const,
  )
) {
  Deno.test(`a host that the registry names for a ${what}, and that never answered, is not waited for long`, async () => {
    await using fake = await startFakeRegistry({ faults });
    fake.storage.addBlob("me/files", HELLO);
    using opened = open(fake);
    assert.equal(await opened.store.stat(BLOB), HELLO.length);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    fake.base[what === "blob" ? "storage" : "registry"] = `http://127.0.0.1:${listener.addr.port}`;
    listener.close();
    const error = await failure(
      what === "blob" ? opened.store.read(BLOB) : opened.store.write(bytesSource(HELLO.slice(1))),
    );
    assert.match(error.message, /does not answer/);
    assert.match(error.hint!, /^127.* sends requests to this host: /);
    assert.ok(opened.clock.now() < 60_000, `${opened.clock.now()}`);
  });
}

Deno.test("an address that is too long to be asked is no outage", async () => {
  await using fake = await startFakeRegistry({ faults: { redirectBlobs: 307 } });
  fake.storage.addBlob("me/files", HELLO);
  fake.base.storage += `/${"x".repeat(70_000)}`;
  using opened = open(fake);
  const error = await failure(opened.store.read(BLOB));
  assert.match(error.message, /cannot be asked/);
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("a registry may be on a port that fetch blocks", async () => {
  await using fake = await startFakeRegistry({ port: 6697 });
  using opened = open(fake);
  const { digest } = await opened.store.write(bytesSource(HELLO));
  assert.equal(await opened.store.stat(digest), HELLO.length);
  assert.equal(await textOf(opened.store.read(digest)), "hello, registry");
});

for (
  const [name, first] of Object.entries({
    redirects: { status: 307, headers: { location: "/v2/me/files/manifests/other-1" } },
    "breaks off": { status: 500 },
  })
) {
  Deno.test(`a registry that ${name} and refuses by turns is given up`, async () => {
    await using fake = await startFakeRegistry();
    const turns: Failure[] = [{ ...first, times: 1 }, { status: 429, times: 1 }];
    fake.faults.failNext = Array.from({ length: 200 }, () => structuredClone(turns)).flat();
    using opened = open(fake);
    const error = await failure(opened.store.manifest("disk-1"));
    assert.match(error.message, /answered (429|500)/);
    assert.ok(fake.requests.length < 60, `${fake.requests.length} requests`);
  });
}

Deno.test("who waits for the turn of another at a busy host can be interrupted", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const pace = new HostPace({ ...systemClock, now: () => 0 });
  pace.refused("GET", 3_600_000);
  const waits = [pace.enter(first.signal), pace.enter(second.signal), pace.enter(first.signal)];
  const ends = Promise.allSettled(waits);
  second.abort(new Error("enough"));
  await assert.rejects(waits[1]!, /enough/);
  first.abort(new Error("all"));
  assert.deepEqual((await ends).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
});
