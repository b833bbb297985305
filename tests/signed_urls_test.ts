/** Signed addresses are as good as passwords for a while: whatever fails on them, they are not shown. @module */
import assert from "node:assert/strict";
import { bytesSource } from "../lib/content/source.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { type Failure, type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { POSIX } from "./rigs/system.ts";

const TEN = new TextEncoder().encode("0123456789");
const SIGNATURE = "signature-12345";

/** A port of this machine at which nobody answers. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What becomes of a request to a signed address. */
const ENDS: Record<string, (fake: FakeRegistry) => { base: string; failures: Failure[] }> = {
  "nobody answers there": () => ({ base: `http://127.0.0.1:${closedPort()}`, failures: [] }),
  "the connection is cut": ({ base: { storage } }) => ({
    base: storage,
    failures: [{ path: /^\/elsewhere/, status: 0, times: 100 }],
  }),
  "it is refused": ({ base: { storage } }) => ({
    base: storage,
    failures: [{ path: /^\/elsewhere/, status: 403, body: "<Error>no</Error>", times: 100 }],
  }),
  "it is repeated in the error": ({ base: { storage } }) => ({
    base: storage,
    failures: [{ path: /^\/elsewhere/, status: 404, body: "no such thing", times: 100 }],
  }),
  "it leads on to nowhere": ({ base: { storage } }) => ({
    base: storage,
    failures: [{ path: /^\/elsewhere/, status: 307, headers: { location: "http://[" }, times: 100 }],
  }),
  "it leads on for ever": ({ base: { storage } }) => ({
    base: storage,
    failures: [{
      path: /^\/elsewhere/,
      status: 307,
      headers: { location: `/elsewhere/more?X-Signature=${SIGNATURE}` },
      times: 100,
    }],
  }),
  "it does not speak TLS": ({ base: { storage } }) => ({
    base: storage.replace("http:", "https:"),
    failures: [],
  }),
};

for (const [name, end] of Object.entries(ENDS)) {
  Deno.test(`the address of a blob is not shown where ${name}`, async () => {
    await using fake = await startFakeRegistry();
    const { base, failures } = end(fake);
    const location = `${base}/elsewhere/blob?X-Signature=${SIGNATURE}`;
    fake.faults.failNext = [...failures, { path: /blobs/, status: 307, headers: { location }, times: 100 }];
    using opened = open(fake, { retry: { attempts: 2, longestOutage: 0 } });
    await failure(opened.store.read(digestOf(TEN)), SIGNATURE);
    assert.ok(!JSON.stringify(opened.events).includes(SIGNATURE));
  });

  Deno.test(`the address of an upload is not shown where ${name}`, async () => {
    for (const size of [10, 2 * 1024 * 1024]) {
      await using fake = await startFakeRegistry();
      const { base, failures } = end(fake);
      const location = `${base}/elsewhere/upload?X-Signature=${SIGNATURE}`;
      fake.faults.failNext = [...failures, {
        method: "POST",
        status: 202,
        headers: { location },
        times: 100,
      }];
      using opened = open(fake, { retry: { attempts: 2, longestOutage: 0 } });
      await failure(opened.store.write(bytesSource(someBytes(size))), SIGNATURE);
      assert.ok(!JSON.stringify(opened.events).includes(SIGNATURE));
    }
  });
}

Deno.test("the address of an upload is written down for the owner alone", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await work.write("disk.img", someBytes(3 * 1024 * 1024));
  fake.faults.failNext = [{ method: "PUT", path: /uploads/, status: 400, times: 1 }];
  const args = ["upload", "--registry", fake.url, "-r", "me/files", "-t", "disk", "-i", "disk.img"];
  const loud = [...args, "--state-dir", "state", "--log-level", "trace", "--json"];
  const broken = await work.run(loud);
  assert.equal(broken.code, 1, broken.stderr);
  const states = fake.requests.map(({ search }) => /_state=(\w+)/.exec(search)?.[1]);
  const given = [...new Set(states.filter((state) => state !== undefined))];
  assert.ok(given.length > 1);
  for (const state of given) assert.ok(!(broken.stdout + broken.stderr).includes(state), state);
  const modeOf = async (path: string) => (await Deno.stat(path)).mode! & 0o777;
  if (POSIX) assert.equal(await modeOf(work.path("state")), 0o700);
  const journals = await Array.fromAsync(Deno.readDir(work.path("state")));
  assert.equal(journals.length, 1);
  const journal = work.path(`state/${journals[0]!.name}`);
  if (POSIX) assert.equal(await modeOf(journal), 0o600);
  assert.ok((await Deno.readTextFile(journal)).includes(given[0]!), "another process needs it to go on");
  assert.equal((await work.run(loud)).code, 0);
  if (POSIX) assert.equal(await modeOf(journal), 0o600);
});

Deno.test("the password of a proxy is not shown where the proxy does not answer, or is none", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", TEN);
  const proxies = [
    `http://me:${SIGNATURE}@127.0.0.1:${closedPort()}`,
    `socks5://me:${SIGNATURE}@127.0.0.1:1`,
  ];
  for (const proxy of proxies) {
    for (const more of [["list"], ["upload", "-t", "disk", "-i", "disk.img"]]) {
      const to = ["--registry", "https://registry.test", "-r", "me/files", "--log-level", "trace"];
      const env = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
      const { code, stdout, stderr } = await work.run([...more, ...to], { env });
      assert.notEqual(code, 0);
      assert.match(stderr, /layerstash: cannot /);
      assert.ok(!(stdout + stderr).includes(SIGNATURE), stderr);
    }
  }
});
