/** Blobs go up in each way, past everything that registries and proxies do to them. @module */
import assert from "node:assert/strict";
import { ReplayBuffer } from "../lib/registry/push/replay_buffer.ts";
import { MismatchError, RegistryError } from "../lib/errors.ts";
import { bytesSource, type Source } from "../lib/content/source.ts";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import type { OpenOptions } from "../lib/open/open_store.ts";
import type { PushMode } from "../lib/registry/profiles.ts";
import { PartGrowth } from "../lib/registry/push/part_growth.ts";
import { fallbackMode } from "../lib/registry/push/push_mode.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, type Faults, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open, type Opened } from "./rigs/opened.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { USER } from "./rigs/user.ts";
import { onSent } from "./rigs/events.ts";

const REAL = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const MiB = 1024 ** 2;
const USER_CREDENTIALS = { kind: "password", username: USER.username, password: USER.password } as const;
const MODES: PushMode[] = ["parts", "stream", "put"];

/** Two MiB and a bit: more than what goes up with one PUT, and no two MiB of it are the same. */
const BYTES = new Uint8Array(2 * MiB + 7).map((_, at) => (at * 2654435761) >>> 16);
const DIGEST = digestOf(BYTES);

function profile(push: PushMode, partSize: number = MiB): Partial<OpenOptions> {
  return { profile: { push, partSize } };
}

/** The bytes, to be read once, as from standard input. */
function onceSource(bytes: Uint8Array<ArrayBuffer> = BYTES): Source {
  return new StreamCutter(new Blob([bytes]).stream()).take(100 * MiB);
}

/** The bytes that went out so far, without those that had to go out again. */
function sentBytes({ events }: Opened): number {
  return events.reduce((sum, event) => event.type === "progress" ? sum + event.bytes : sum, 0);
}

/** Writes the bytes and checks that they arrived, and that what was counted is what there is. */
async function writes(opened: Opened, fake: FakeRegistry, source = bytesSource(BYTES)): Promise<void> {
  const before = sentBytes(opened);
  const { digest, size } = await opened.store.write(source);
  assert.deepEqual({ digest, size }, { digest: DIGEST, size: BYTES.length });
  assert.equal(sentBytes(opened) - before, BYTES.length);
  const stored = fake.storage.blob("me/files", DIGEST);
  assert.equal(stored?.size, BYTES.length);
}

/** Fails to write; then nothing is there, and nothing is counted. */
async function fails(opened: Opened, fake: FakeRegistry, source = bytesSource(BYTES)) {
  const before = sentBytes(opened);
  const error = await failure(opened.store.write(source));
  assert.equal(sentBytes(opened), before, "the bytes are given back");
  assert.equal(fake.storage.blob("me/files", DIGEST), undefined);
  return error;
}

const steps = (fake: FakeRegistry) => fake.requests.map(({ method, status }) => `${method} ${status}`);

for (const push of MODES) {
  Deno.test(`the real registry takes ${push} of every size`, REAL, async () => {
    await using registry = await startRegistry();
    using opened = open(registry, profile(push));
    for (const size of [0, 1, MiB - 1, MiB, MiB + 1, 2 * MiB, BYTES.length]) {
      const bytes = BYTES.slice(0, size);
      const { digest } = await opened.store.write(bytesSource(bytes));
      assert.equal(digest, digestOf(bytes));
      assert.deepEqual(await Deno.readFile(registry.blobPath(digest)), bytes);
    }
    const once = await opened.store.write(onceSource(BYTES.slice(1)));
    assert.equal(once.digest, digestOf(BYTES.slice(1)));
    assert.equal(await opened.store.stat(once.digest), BYTES.length - 1);
  });
}

Deno.test("parts say where they belong, and how long they are", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, profile("parts"));
  await writes(opened, fake);
  const parts = fake.requests.filter(({ method }) => method === "PATCH");
  assert.deepEqual(
    parts.map(({ headers }) => [headers["content-range"], headers["content-length"]]),
    [["0-1048575", "1048576"], ["1048576-2097151", "1048576"], ["2097152-2097158", "7"]],
  );
  assert.deepEqual(steps(fake), ["POST 202", "PATCH 202", "PATCH 202", "PATCH 202", "PUT 201"]);
});

Deno.test("parts of a stream that is read once say the same", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, profile("parts"));
  await writes(opened, fake, onceSource());
  const ranges = fake.requests.filter(({ method }) => method === "PATCH")
    .map(({ headers }) => headers["content-range"]);
  assert.deepEqual(ranges, ["0-1048575", "1048576-2097151", "2097152-2097158"]);
});

Deno.test("one stream has a length where it is known, and none where it is not", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, profile("stream"));
  await writes(opened, fake);
  await writes(opened, fake, onceSource());
  const patches = fake.requests.filter(({ method }) => method === "PATCH").map(({ headers }) => headers);
  assert.deepEqual(
    patches.map((
      headers,
    ) => [headers["content-length"], headers["content-range"], headers["transfer-encoding"]]),
    [[String(BYTES.length), undefined, undefined], [undefined, undefined, "chunked"]],
  );
});

Deno.test("a file that fits into one part takes no request for it, and is sent in parts after a break", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, profile("parts", 4 * MiB));
  await writes(opened, fake);
  assert.deepEqual(steps(fake), ["POST 202", "PUT 201"]);
  const breakUpload = { after: MiB, times: 1, how: "cut" } as const;
  await using broken = await startFakeRegistry({ faults: { breakUpload } });
  using again = open(broken, profile("parts", 4 * MiB));
  await writes(again, broken);
  assert.deepEqual(steps(broken).slice(-3), ["POST 202", "PATCH 202", "PUT 201"]);
});

Deno.test("one PUT has everything: length, digest and bytes", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, profile("put"));
  await writes(opened, fake);
  assert.deepEqual(steps(fake), ["POST 202", "PUT 201"]);
  assert.equal(fake.requests[1]!.headers["content-length"], String(BYTES.length));
  assert.equal(fake.requests[1]!.headers["content-type"], "application/octet-stream");
});

Deno.test("what is there is not sent when it is looked for first", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  await writes(opened, fake);
  fake.requests.length = 0;
  const { size } = await opened.store.write(bytesSource(BYTES), { checkFirst: true });
  assert.equal(size, BYTES.length);
  assert.deepEqual(steps(fake), ["HEAD 200", "GET 206"], "and its first byte can be read");
});

const ADAPTS: Record<string, { push: PushMode; faults: Faults; partSize?: number; expected: string[] }> = {
  "parts where PATCH is not allowed (GAR)": {
    push: "parts",
    faults: { refusePatch: 405 },
    expected: ["POST 202", "PATCH 405", "POST 202", "PUT 201"],
  },
  "a stream where PATCH is not allowed": {
    push: "stream",
    faults: { refusePatch: 405 },
    expected: ["POST 202", "PATCH 405", "POST 202", "PUT 201"],
  },
  "parts where they are too large to have a range (GHCR)": {
    push: "parts",
    partSize: 1.5 * MiB,
    faults: { maxRangedPatch: MiB },
    expected: ["POST 202", "PATCH 416", "POST 202", "PATCH 202", "PUT 201"],
  },
  "one PUT that is too large (ACR)": {
    push: "put",
    faults: { maxBody: 1.5 * MiB },
    expected: [
      "POST 202",
      "PUT 413", // then 60, 15, 4 and 1 MiB
      "POST 202",
      "PATCH 413",
      "POST 202",
      "PATCH 413",
      "POST 202",
      "PATCH 413",
      "POST 202",
      "PATCH 202",
      "PATCH 202",
      "PATCH 202",
      "PUT 201",
    ],
  },
  "a file that would fit into one part, and is too large for a proxy": {
    push: "parts",
    partSize: 4 * MiB,
    faults: { maxBody: 1.5 * MiB },
    expected: ["POST 202", "PUT 413", "POST 202", "PATCH 202", "PATCH 202", "PATCH 202", "PUT 201"],
  },
  "parts that are too large for a proxy that answers in HTML": {
    push: "parts",
    partSize: 2 * MiB,
    faults: { maxBody: 1.5 * MiB, htmlErrors: true },
    expected: ["POST 202", "PATCH 413", "POST 202", "PATCH 202", "PATCH 202", "PATCH 202", "PUT 201"],
  },
};

for (const [what, { push, faults, partSize, expected }] of Object.entries(ADAPTS)) {
  Deno.test(`${what}: another way is found, and kept`, async () => {
    await using fake = await startFakeRegistry({ faults });
    using opened = open(fake, profile(push, partSize));
    await writes(opened, fake);
    assert.deepEqual(steps(fake), expected);
    assert.ok(opened.notices().every((text) => /does not take blobs as they were sent/.test(text)));
    const noticed = opened.notices().length;
    assert.ok(noticed > 0);
    assert.deepEqual(opened.clock.waits, []);
    fake.requests.length = 0;
    await writes(opened, fake);
    assert.ok(fake.requests.every(({ status }) => status < 300), "it is not tried again");
    assert.equal(opened.notices().length, noticed);
  });
}

Deno.test("a registry that wants a length gets parts of a stream that has none", async () => {
  await using fake = await startFakeRegistry({ faults: { requireLength: true } });
  using opened = open(fake, profile("stream"));
  await writes(opened, fake);
  fake.storage.repositories.clear();
  const error = await fails(opened, fake, onceSource());
  assert.match(error.hint ?? "", /read only once/);
});

Deno.test("several blobs at once find the other way together", async () => {
  await using fake = await startFakeRegistry({ faults: { maxBody: 1.5 * MiB } });
  using opened = open(fake, profile("put"));
  const blobs = Array.from({ length: 6 }, (_, at) => new Uint8Array(2 * MiB).fill(at));
  await Promise.all(blobs.map((bytes) => opened.store.write(bytesSource(bytes))));
  for (const bytes of blobs) assert.equal(fake.storage.blob("me/files", digestOf(bytes))?.size, bytes.length);
  assert.equal(opened.notices().length, 4, "each refusal is told once");
});

Deno.test("a registry that refuses every way is left in the end", async () => {
  for (const status of [405, 411, 413, 416]) {
    for (const push of MODES) {
      await using fake = await startFakeRegistry({
        faults: { failNext: ["PATCH", "PUT"].map((method) => ({ method, status, times: 1000 })) },
      });
      using opened = open(fake, profile(push));
      const error = await fails(opened, fake);
      assert.ok(error instanceof RegistryError && error.status === status, error.message);
      assert.ok(fake.requests.length < 30, `${push} ${status}: ${fake.requests.length} requests`);
    }
  }
  await using fake = await startFakeRegistry({ faults: { refusePatch: 405, maxBody: MiB } });
  using opened = open(fake, profile("parts"));
  assert.ok(await fails(opened, fake) instanceof RegistryError);
  assert.ok(fake.requests.length < 30);
});

Deno.test("every refusal leads to another way a few times at most", () => {
  const after = (status: number, mode: PushMode, partSize = MiB) =>
    fallbackMode(new RegistryError("no", { status }), { push: mode, partSize });
  for (const status of [200, 400, 404, 500]) {
    for (const mode of MODES) assert.equal(after(status, mode), undefined);
  }
  assert.equal(fallbackMode(new TypeError("no"), { push: "put", partSize: MiB }), undefined);
  assert.deepEqual(after(413, "put"), { push: "parts", partSize: 60 * MiB });
  assert.deepEqual(after(413, "parts", 60 * MiB), { push: "parts", partSize: 15 * MiB });
  assert.equal(after(413, "parts"), undefined);
  assert.deepEqual(after(416, "parts"), { push: "stream", partSize: MiB });
  assert.equal(after(416, "stream"), undefined);
  assert.equal(after(405, "put"), undefined);
});

for (const patchStatus of [200, 201, 202, 204]) {
  Deno.test(`a part that is answered ${patchStatus} is one that arrived, whatever its range says`, async () => {
    for (const patchRange of ["frozen", "absent"] as const) {
      await using fake = await startFakeRegistry({ faults: { patchStatus, patchRange } });
      using opened = open(fake, profile("parts"));
      await writes(opened, fake);
    }
  });
}

Deno.test("parts are as large as the registry wants them", async () => {
  const cases: [faults: Faults, partSize: number, lengths: number[]][] = [
    [{ chunkMinLength: 1.5 * MiB }, MiB, [1.5 * MiB, BYTES.length - 1.5 * MiB]],
    [{ chunkMaxLength: MiB }, 60 * MiB, [MiB, MiB, 7]],
    [{ chunkMinLength: MiB, chunkMaxLength: MiB }, 60 * MiB, [MiB, MiB, 7]],
    [{ chunkMinLength: 3 * MiB }, MiB, [BYTES.length]],
  ];
  for (const [faults, partSize, lengths] of cases) {
    for (const source of [bytesSource(BYTES), onceSource()]) {
      await using fake = await startFakeRegistry({ faults });
      using opened = open(fake, profile("parts", partSize));
      await writes(opened, fake, source);
      const sent = fake.requests.map(({ received }) => received).filter((length) => length > 0);
      assert.deepEqual(sent, lengths);
    }
  }
});

const GROWING = { profile: { push: "parts", partSize: MiB / 2, partsGrow: true } } as const;
const lengthsOf = (fake: FakeRegistry) =>
  fake.requests.flatMap(({ received }) => received > 0 ? [received] : []);

Deno.test("where the first part goes up fast, the rest goes up with one request", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, GROWING);
  await writes(opened, fake);
  assert.deepEqual(lengthsOf(fake), [MiB / 2, BYTES.length - MiB / 2]);
});

Deno.test("a blob that is hardly larger than a part goes up as one part, where parts may grow", async () => {
  const small = { push: "parts", partSize: 1.5 * MiB } as const;
  for (const [partsGrow, lengths] of [[true, [BYTES.length]], [false, [1.5 * MiB, MiB / 2 + 7]]] as const) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, { profile: { ...small, partsGrow } });
    await writes(opened, fake);
    assert.deepEqual(lengthsOf(fake), lengths);
  }
});

Deno.test("parts do not grow where their size was asked for, or the registry names limits", async () => {
  const half = [MiB / 2, MiB / 2, MiB / 2, MiB / 2, 7];
  for (const faults of [{}, { chunkMinLength: 1 }, { chunkMaxLength: 10 * MiB }]) {
    await using fake = await startFakeRegistry({ faults });
    const asked = { profile: { partSize: MiB / 2 } };
    using opened = open(fake, Object.keys(faults).length > 0 ? GROWING : asked);
    await writes(opened, fake);
    assert.deepEqual(lengthsOf(fake), half);
  }
});

Deno.test("a part that has grown too large goes up in smaller ones, as all that follow", async () => {
  await using fake = await startFakeRegistry({ faults: { maxBody: MiB } });
  using opened = open(fake, GROWING);
  for (const expected of [1, 0]) {
    fake.requests.length = 0;
    fake.storage.repositories.clear();
    await writes(opened, fake);
    assert.equal(fake.requests.filter(({ status }) => status === 413).length, expected);
    assert.equal(
      fake.requests.filter(({ method, status }) => method === "PATCH" && status === 202).length,
      5,
    );
  }
});

Deno.test("after a break of a part that has grown, none grows any more", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake, GROWING);
  let parts = 0;
  fake.faults.onRequest = ({ method }) => {
    if (method === "PATCH" && ++parts === 2) fake.faults.breakUpload = { after: MiB, times: 1, how: "cut" };
  };
  await writes(opened, fake);
  fake.storage.repositories.clear();
  fake.requests.length = 0;
  await writes(opened, fake);
  assert.deepEqual(lengthsOf(fake), [MiB / 2, MiB / 2, MiB / 2, MiB / 2, 7]);
});

Deno.test("a part takes ten seconds at most, and is a multiple of the smallest", () => {
  const after = (sent: number, seconds: number) =>
    new PartGrowth(true).next({ smallest: 60 * MiB, sent: sent * MiB, milliseconds: 1000 * seconds }) / MiB;
  assert.equal(after(60, 0.5), 1200);
  assert.equal(after(60, 7), 60);
  assert.equal(after(60, 40), 60, "none is smaller");
  assert.equal(after(1200, 20), 600, "a line that becomes slower gets smaller ones");
  assert.equal(after(20, 0.1), 60, "the end of an aligned part proves nothing");
});

for (const locations of ["relative", "absolute", "another-origin"] as const) {
  Deno.test(`locations that are ${locations} are followed, and credentials stay where they belong`, async () => {
    for (const push of MODES) {
      await using fake = await startFakeRegistry({ auth: "bearer", faults: { locations } });
      using opened = open(fake, { ...profile(push), credentials: USER_CREDENTIALS });
      await writes(opened, fake);
      for (const { origin, headers, method } of fake.requests.slice(1)) {
        assert.equal(origin, locations === "another-origin" && method !== "POST" ? "storage" : "registry");
        assert.equal(headers["authorization"] !== undefined, origin === "registry", method);
      }
    }
  });
}

Deno.test("the query of a location stays as it is, to the byte", async () => {
  await using fake = await startFakeRegistry();
  const query = "?_state=a%2Bb+c%2f&x=%E2%82%AC&flag&=&y=1;2";
  const location = `/v2/me/files/blobs/uploads/1${query}`;
  fake.faults.failNext = [
    { method: "POST", status: 202, headers: { location }, times: 1 },
    { method: "PUT", status: 201, times: 1 },
  ];
  using opened = open(fake, profile("put"));
  await opened.store.write(bytesSource(BYTES));
  assert.equal(fake.requests[1]!.search, `${query}&digest=${encodeURIComponent(DIGEST)}`);
});

Deno.test("a location without a query gets the digest as its only one", async () => {
  await using fake = await startFakeRegistry();
  fake.faults.failNext = [
    { method: "POST", status: 202, headers: { location: "/v2/me/files/blobs/uploads/1" }, times: 1 },
    { method: "PUT", status: 201, times: 1 },
  ];
  using opened = open(fake, profile("put"));
  await opened.store.write(bytesSource(BYTES));
  assert.equal(fake.requests[1]!.search, `?digest=${encodeURIComponent(DIGEST)}`);
});

Deno.test("a registry that does not say where to send the bytes is at fault", async () => {
  await using fake = await startFakeRegistry();
  for (const location of [undefined, "ftp://127.0.0.1/x", "http://"]) {
    const headers: Record<string, string> = location === undefined ? {} : { location };
    fake.faults.failNext = [{ method: "POST", status: 202, headers, times: 1 }];
    using opened = open(fake);
    assert.ok(await fails(opened, fake) instanceof RegistryError);
  }
});

for (const push of MODES) {
  Deno.test(`${push}: a commit whose answer is lost is found, and nothing is sent again`, async () => {
    await using fake = await startFakeRegistry({ faults: { loseCommitAnswer: 1 } });
    using opened = open(fake, profile(push));
    await writes(opened, fake);
    const sent = fake.requests.reduce((sum, { received }) => sum + received, 0);
    assert.equal(sent, BYTES.length);
    assert.equal(steps(fake).at(-1), "HEAD 200");
    assert.deepEqual(opened.clock.waits, []);
  });

  Deno.test(`${push}: a connection that is cut in the middle costs bytes, not the blob`, async () => {
    for (const dropBrokenSessions of [true, false]) {
      const breakUpload = { after: 300_000, times: 2, how: "cut" as const };
      await using fake = await startFakeRegistry({ faults: { breakUpload, dropBrokenSessions } });
      using opened = open(fake, profile(push));
      await writes(opened, fake);
      assert.equal(opened.events.filter(({ type }) => type === "retry").length, 2);
    }
  });

  Deno.test(`${push}: a source is read again after a 503`, async () => {
    const method = push === "put" ? "PUT" : "PATCH";
    await using fake = await startFakeRegistry({ faults: { failNext: [{ method, status: 503, times: 2 }] } });
    using opened = open(fake, profile(push));
    let opens = 0;
    const plain = bytesSource(BYTES);
    const source = { ...plain, open: (start?: number, end?: number) => (opens++, plain.open(start, end)) };
    await writes(opened, fake, source);
    assert.ok(opens >= 3);
    assert.equal(opened.events.filter(({ type }) => type === "retry").length, 2);
  });

  Deno.test(`${push}: a file that changes after its digest was computed does not match`, async () => {
    await using fake = await startFakeRegistry();
    using opened = open(fake, profile(push));
    const other = digestOf(new TextEncoder().encode("other bytes"));
    const changed = { ...bytesSource(BYTES), known: other, digest: () => Promise.resolve(other) };
    const error = await fails(opened, fake, changed);
    assert.ok(error instanceof MismatchError, error.message);
    assert.match(error.message, /other bytes arrived than were hashed/);
    assert.equal(fake.storage.blob("me/files", other), undefined);
    assert.deepEqual(opened.clock.waits, []);
  });

  Deno.test(`${push}: a file that cannot be read to its end is the error, and is not sent again`, async () => {
    await using fake = await startFakeRegistry();
    using opened = open(fake, profile(push));
    const wrong = new MismatchError("the file ended at byte 1048576 while it was read");
    const broken = () => {
      let left = 2;
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: (controller) =>
          left-- > 0 ? controller.enqueue(BYTES.slice(0, MiB / 2)) : controller.error(wrong),
      });
    };
    const error = await fails(opened, fake, { ...bytesSource(BYTES), open: broken });
    assert.equal(error, wrong);
    assert.deepEqual(opened.clock.waits, []);
  });

  Deno.test(`${push}: a signal ends an upload that stalls`, async () => {
    const aborter = new AbortController();
    const breakUpload = { after: 600_000, times: 1, how: "stall" as const };
    await using fake = await startFakeRegistry({ faults: { breakUpload } });
    using opened = open(fake, profile(push));
    const stop = new Error("stop");
    const done = failure(opened.store.write(bytesSource(BYTES), {
      signal: aborter.signal,
      onEvent: onSent((bytes) => {
        assert.ok(bytes > 0, "nothing is taken back: nothing goes out again");
        queueMicrotask(() => aborter.abort(stop));
      }),
    }));
    assert.equal(await done, stop);
  });
}

Deno.test("bytes are hashed as they go out, also where some go out again: nothing reads them for the digest", async () => {
  for (const push of ["parts", "stream"] as const) {
    const breakUpload = { after: 600_000, times: 1, how: "cut" as const };
    await using fake = await startFakeRegistry({ faults: { breakUpload } });
    using opened = open(fake, profile(push));
    const digest = () => assert.fail("the source was asked for its digest");
    await writes(opened, fake, { ...bytesSource(BYTES), digest });
    assert.equal(opened.events.filter(({ type }) => type === "retry").length, 1);
  }
});

Deno.test("a digest that cannot be computed is the error", async () => {
  const wrong = new MismatchError("the file changed");
  for (const push of MODES) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, profile(push));
    const source = { ...bytesSource(BYTES), known: DIGEST, digest: () => Promise.reject(wrong) };
    assert.equal(await fails(opened, fake, source), wrong);
  }
});

Deno.test("a small blob goes the same way: looked for after a lost answer, refused when it does not match", async () => {
  const small = new TextEncoder().encode("small");
  await using fake = await startFakeRegistry({ faults: { loseCommitAnswer: 1 } });
  using opened = open(fake);
  await opened.store.write(bytesSource(small));
  assert.deepEqual(steps(fake), ["POST 202", "PUT 0", "PUT 404", "HEAD 200"], "fetch has sent it twice");
  const changed = { ...bytesSource(small), digest: () => Promise.resolve(DIGEST) };
  assert.ok(await failure(opened.store.write(changed)) instanceof MismatchError);
});

for (const code of ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "NOT_A_CODE"]) {
  Deno.test(`a session that is lost (${code}) is begun again`, async () => {
    const body = JSON.stringify({ errors: [{ code, message: "gone" }] });
    const lost = { method: "PATCH", status: 404, body, skip: 1, times: 1 };
    await using fake = await startFakeRegistry({ faults: { failNext: [lost] } });
    using opened = open(fake, profile("parts"));
    await writes(opened, fake);
    assert.equal(fake.requests.filter(({ method }) => method === "POST").length, 2);
  });
}

Deno.test("a repository that does not take uploads is not asked for ever", async () => {
  await using fake = await startFakeRegistry({
    faults: { failNext: [{ method: "POST", status: 404, times: 99 }] },
  });
  using opened = open(fake);
  assert.equal((await fails(opened, fake)).kind, "not-found");
  assert.equal(fake.requests.length, 1);
});

Deno.test("a registry that stores nothing fails in the end", async () => {
  const failNext = [{ method: "PATCH", status: 500, times: 999 }];
  await using fake = await startFakeRegistry({ faults: { failNext } });
  using opened = open(fake, profile("parts"));
  const error = await fails(opened, fake);
  assert.ok(error instanceof RegistryError && error.status === 500);
  assert.equal(opened.clock.waits.length, 7);
});

for (const push of ["parts", "stream"] as const) {
  Deno.test(`${push}: what can be read only once is not sent again, and the error says why`, async () => {
    const breakUpload = { after: 600_000, times: 1, how: "cut" as const };
    await using fake = await startFakeRegistry({ faults: { dropBrokenSessions: true } });
    let parts = 0;
    fake.faults.onRequest = ({ method }) => {
      // Of parts the second one: the first is still in memory, and could begin a new session.
      if (method === "PATCH" && ++parts === (push === "parts" ? 2 : 1)) fake.faults.breakUpload = breakUpload;
    };
    using opened = open(fake, profile(push));
    const error = await fails(opened, fake, onceSource());
    assert.ok(error instanceof RegistryError);
    assert.match(error.message, /does not answer/);
    assert.match(error.hint ?? "", /read only once/);
    assert.ok(!error.transient, "whoever called cannot send it again either");
  });

  Deno.test(`${push}: what can be read only once may still wait for the upload to be opened`, async () => {
    const failNext = [{ method: "POST", status: 503, times: 2 }];
    await using fake = await startFakeRegistry({ faults: { failNext } });
    using opened = open(fake, profile(push));
    await writes(opened, fake, onceSource());
  });

  Deno.test(`${push}: a lost answer to the commit of what can be read only once is no loss`, async () => {
    await using fake = await startFakeRegistry({ faults: { loseCommitAnswer: 1 } });
    using opened = open(fake, profile(push));
    await writes(opened, fake, onceSource());
  });
}

Deno.test("a commit may take as long as it likes", async () => {
  const [stored, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const onCommit = () => {
    stored.resolve();
    return answered.promise;
  };
  await using fake = await startFakeRegistry({ faults: { onCommit } });
  using opened = open(fake, profile("parts"));
  const writing = writes(opened, fake);
  await stored.promise;
  answered.resolve();
  await writing;
});

Deno.test("a manifest right after its blobs is put again until the registry knows them", async () => {
  await using fake = await startFakeRegistry({ faults: { manifestLag: 3 } });
  using opened = open(fake);
  const { digest, size } = await opened.store.write(bytesSource(BYTES));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { mediaType: "application/json", digest, size },
    layers: [],
  });
  await opened.store.putManifest("disk-1", manifest);
  assert.equal(fake.storage.manifest("me/files", "disk-1")?.digest, manifest.digest);
  assert.equal(opened.clock.waits.length, 3);
});

Deno.test("a source is not opened for a request that is not made", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  using opened = open(fake, { ...profile("stream"), credentials: USER_CREDENTIALS });
  fake.faults.onRequest = ({ method, headers }) => {
    if (method !== "POST" || !headers["authorization"]) return;
    opened.clock.pass(300_000); // the token has to be replaced before the next request
    fake.tokens!.settings.refuseGet = 403;
  };
  let opens = 0;
  const plain = bytesSource(BYTES);
  const source = { ...plain, open: (start?: number, end?: number) => (opens++, plain.open(start, end)) };
  assert.equal((await fails(opened, fake, source)).kind, "not-allowed");
  assert.equal(opens, 0);
});

Deno.test("blobs that came and went leave nothing behind at the signal they have in common", async () => {
  await using fake = await startFakeRegistry();
  const { signal } = new AbortController();
  let listening = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (listening++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listening--, remove(...args));
  for (const push of ["parts", "stream", "put"] as const) {
    using opened = open(fake, { profile: { push } });
    for (const size of [0, 7, 3 * 1024 ** 2]) {
      const { digest } = await opened.store.write(bytesSource(new Uint8Array(size).fill(size)), { signal });
      await new Response(await opened.store.read(digest, { signal })).bytes();
    }
  }
  assert.equal(listening, 0);
});

Deno.test("an input that is read once goes with one PUT where parts are refused, as far as it is held", async () => {
  await using fake = await startFakeRegistry({ faults: { refusePatch: 405 } });
  using opened = open(fake, profile("parts", 4 * MiB));
  await writes(opened, fake, onceSource());
  assert.deepEqual(steps(fake), ["POST 202", "PATCH 405", "POST 202", "PUT 201"]);
  using small = open(fake, profile("parts"));
  assert.match((await failure(small.store.write(onceSource(BYTES.slice(1))))).hint!, /read only once/);
});

Deno.test("the parts of a stream are read one over the other: a registry may ask for large ones", async () => {
  const parts = new ReplayBuffer(new Blob([new Uint8Array([1, 2, 3, 4, 5, 6, 7])]).stream(), {
    size: 3,
    first: 0,
  });
  const seen: number[][] = [];
  const buffers = new Set<ArrayBuffer>();
  for (let part; (part = await parts.next());) {
    seen.push([part.first, ...part.bytes]);
    buffers.add(part.bytes.buffer);
  }
  assert.deepEqual(seen, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7]]);
  assert.deepEqual([...parts.held!.bytes], [7], "the last part stays");
  assert.equal(buffers.size, 1);
});
