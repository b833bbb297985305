/** Names and messages that could write to a terminal do not. @module */
import assert from "node:assert/strict";
import { makeWorkplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { JSON_TYPE, note, plant, TEN } from "./rigs/planted_stash.ts";
import { onPosix } from "./rigs/system.ts";

const NAME = "a\x1b]0;pwned\x07b\u009b31mc\u202ed\u2066e\u2028f\u2029g\x7fh\ni\rj\u200fk\u061cl";
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** No line of a text could write to a terminal. */
function assertTame(text: string): void {
  for (const line of text.split("\n")) assert.doesNotMatch(line, UNSAFE, JSON.stringify(line));
}

Deno.test("names from a registry write nothing to a terminal, and are exact in JSON", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  plant(fake, { config: { created: NAME, ...note({ name: NAME }) } });
  plant(fake, { config: note(), tag: `${NAME}-1` });
  plant(fake, { config: note({ name: NAME, chunks: 2 }), tag: "torn-1" });
  const to = ["--registry", fake.url, "-r", "me/files", "--log-level", "trace", "--progress", "plain"];
  const tagged = [...to, "-t", "disk"];
  const commands = [
    ["list", ...to],
    ["list", ...to, "--exact-size"],
    ["info", ...tagged],
    ["verify", ...tagged, "--deep"],
    ["verify", ...to, "-t", "torn"],
    ["download", ...tagged, "-o", "copy"],
    ["info", ...to, "-t", "absent"],
  ];
  for (const args of commands) {
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await work.run([...args, ...json]);
      assertTame(stdout);
      assertTame(stderr);
      assert.doesNotMatch(stdout + stderr, /^i|^g/m, "a name begins no line");
    }
  }
  const { stdout } = await work.run(["info", ...tagged, "--json"]);
  assert.equal(JSON.parse(stdout).name, NAME);
  const listed = JSON.parse((await work.run(["list", ...to, "--json", "--exact-size"])).stdout);
  assert.deepEqual(listed.map(({ name }: { name?: string }) => name).filter(Boolean), [NAME]);
  const removed = await work.run(["remove", ...tagged]);
  assert.equal(removed.stdout, "disk-1\n");
});

Deno.test("what a registry says in errors, warnings and labels writes nothing to a terminal", async () => {
  await using work = await makeWorkplace();
  const body = JSON.stringify({ errors: [{ code: NAME, message: NAME }] });
  const plain = { ...JSON_TYPE };
  const answers = [
    { status: 403, headers: plain, body },
    { status: 400, headers: { "content-type": "text/plain" }, body: NAME },
    { status: 500, headers: plain, body },
    { status: 200, headers: { warning: `299 - "\u009b31m\u0085 \\\u001f"` }, body: `{"tags":[]}` },
    { status: 200, headers: plain, body: JSON.stringify({ tags: [NAME, `${NAME}-1`, "\ud800-1"] }) },
    { status: 200, headers: { ...plain, link: "<http://\u009b31m>; rel=next" }, body: `{"tags":[]}` },
  ];
  for (const answer of answers) {
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, value.replace(/[^ -~\x80-\uffff]/g, "")]),
    );
    for (const verb of ["list", "info", "remove"]) {
      await using fake = await startFakeRegistry({
        faults: { failNext: [{ ...answer, headers, times: 1 }] },
      });
      const more = verb === "list" ? [] : ["-t", "x"];
      const args = [verb, "--registry", fake.url, "-r", "me/files", "--log-level", "trace", ...more];
      for (const json of [[], ["--json"]]) {
        const { stdout, stderr } = await work.run([...args, ...json]);
        assertTame(stdout);
        assertTame(stderr);
      }
    }
  }
});

Deno.test(
  "a file whose own name could write to a terminal is stored and shown tamely",
  onPosix("control characters in the names of files"),
  async () => {
    await using work = await makeWorkplace();
    await work.write(NAME, TEN);
    const to = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];
    const up = await work.run(["upload", ...to, "-i", NAME, "--log-level", "trace", "--progress", "plain"]);
    assert.equal(up.code, 0, up.stderr);
    assertTame(up.stdout + up.stderr);
    const down = await work.run(["download", ...to, "-o", `${NAME}2`, "--json", "--log-level", "trace"]);
    assert.equal(down.code, 0, down.stderr);
    assertTame(down.stdout + down.stderr);
    assert.equal(JSON.parse(down.stdout.trimEnd().split("\n").at(-1)!).name, NAME);
    const compared = await work.run(["verify", ...to, "-i", NAME]);
    assertTame(compared.stdout + compared.stderr);
  },
);
