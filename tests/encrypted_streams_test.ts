/** Encrypted uploads of standard input that are interrupted: what goes on, and what is never sent. @module */
import assert from "node:assert/strict";
import { keygen } from "./rigs/age_program.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { linesOf } from "./rigs/line_reader.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { onPosix } from "./rigs/system.ts";

const KiB = 1024;
const UNIX = onPosix("signals");
/** Three whole chunks of 200 KiB, and some of a fourth. */
const BYTES = someBytes(700_000);
const CHUNKS = 4;

/** A place to store in, and the command that stores standard input there. */
interface Scene extends AsyncDisposable {
  place: Workplace;
  address: string;
  args: string[];
}

async function setScene(address: string): Promise<Scene> {
  const place = await makeWorkplace();
  const recipient = await keygen(place);
  const args = ["upload", "-", address, "--chunk-size", "200KiB", "--encrypt-to", recipient];
  return { place, address, args, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** Begins an upload, and ends it when chunk 2 is stored, so that chunk 1 has its tag; some of chunk 3 may be on its way. */
async function interrupt({ place, args }: Pick<Scene, "place" | "args">, signal: Deno.Signal) {
  const child = place.start([...args, "--json"], { stdin: new Uint8Array() });
  const writer = child.stdin.getWriter();
  writer.write(BYTES.slice(0, 600 * KiB)).catch(() => {});
  const said = new Response(child.stderr).text();
  for await (const line of linesOf(child.stdout)) {
    const event = JSON.parse(line);
    if (event.event === "blob" && event.index === 2) child.kill(signal);
  }
  assert.notEqual((await child.status).code, 0);
  await writer.abort().catch(() => {});
  return await said;
}

/** Runs an upload to its end. */
async function feed({ place, args }: Pick<Scene, "place" | "args">, stdin = BYTES) {
  const { code, stdout, stderr } = await place.run([...args, "--json"], { stdin });
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const states = events.flatMap(({ event, state }) => event === "blob" ? [state as string] : []);
  return { code, states, stderr };
}

async function requireStored({ place, address }: Scene, key = "key.txt") {
  const back = await place.runForBytes(["download", address, "-", "--identity", key]);
  assert.equal(back.code, 0);
  assert.deepEqual(back.stdout, BYTES);
}

/** What the journals say. */
function journals({ place }: Scene): string {
  const directory = place.path(".local/state/layerstash");
  return Array.from(Deno.readDirSync(directory), ({ name }) => Deno.readTextFileSync(`${directory}/${name}`))
    .join();
}

const PLACES = {
  "a directory": { ignore: UNIX.ignore, start: () => Promise.resolve(undefined) },
  "docker-registry": {
    ignore: UNIX.ignore || !await ensureTool("docker-registry", "docker-registry"),
    start: () => startRegistry(),
  },
};

for (const [where, { ignore, start }] of Object.entries(PLACES)) {
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    Deno.test({
      name: `an encrypted stream goes on after ${signal}, if the same bytes come, in ${where}`,
      ignore,
      async fn() {
        await using registry = await start();
        await using scene = await setScene(registry ? `${registry.host}/me/streams:g` : "oci:box:g");
        const said = await interrupt(scene, signal);
        if (signal === "SIGINT") {
          assert.match(said, /stored so far: .*, if the same bytes come; go on with: /);
        }
        const { code, states, stderr } = await feed(scene);
        assert.equal(code, 0, stderr);
        assert.deepEqual([states[0], states.length], ["present", CHUNKS]);
        await requireStored(scene);
        assert.doesNotMatch(journals(scene), /fileKey/);
      },
    });
  }
}

Deno.test(
  "an encrypted stream that brings other bytes is a conflict, and nothing of them is sent",
  UNIX,
  async () => {
    await using scene = await setScene("oci:box:g");
    await interrupt(scene, "SIGKILL");
    const other = concatenate([BYTES.slice(0, 1000), someBytes(699_000, 7)]);
    for (const bytes of [other, BYTES.slice(0, 1000)]) {
      const { code, states, stderr } = await feed(scene, bytes);
      assert.deepEqual([code, states], [6, []], stderr);
      assert.match(
        stderr,
        /tag g-1 already exists and holds something else\nhint: use another name, or --overwrite/,
      );
    }
    assert.equal((await feed(scene)).code, 0, "with the first bytes it still goes on");
    await requireStored(scene);
  },
);

Deno.test("with --overwrite all of an encrypted stream is sent, with a new key", UNIX, async () => {
  await using scene = await setScene("oci:box:g");
  await interrupt(scene, "SIGKILL");
  const args = [...scene.args, "--overwrite"];
  const { code, states, stderr } = await feed({ ...scene, args });
  assert.deepEqual([code, states], [0, Array(CHUNKS).fill("sent")], stderr);
  await requireStored(scene);
});

Deno.test(
  "where an encrypted stream cannot go on, the conflict says so, and the journal stays",
  UNIX,
  async () => {
    await using scene = await setScene("oci:box:g");
    const { place, args } = scene;
    await interrupt(scene, "SIGKILL");
    const recipient = await keygen(place, "other.txt");
    const ways = [
      [...args, "--state-dir", "elsewhere"],
      [...args, "--encrypt-to", recipient],
      args.map((word) => word === "200KiB" ? "300KiB" : word),
    ];
    for (const args of ways) {
      const { code, states, stderr } = await feed({ place, args });
      assert.deepEqual([code, states], [6, []], stderr);
      assert.match(
        stderr,
        /hint: .* goes on only where it began, with its journal, the same keys and .*--overwrite/,
      );
    }
    assert.equal((await feed(scene)).code, 0);
    await requireStored(scene);
  },
);

Deno.test("what is said of an encrypted stream that has no journal is true", UNIX, async () => {
  await using scene = await setScene("oci:box:g");
  await scene.place.write("state", "a file where the directory should be");
  const args = [...scene.args, "--state-dir", "state"];
  const said = await interrupt({ ...scene, args }, "SIGINT");
  assert.match(
    said,
    /no journal is kept, so all is sent again, with --overwrite if a chunk was complete; go on with/,
  );
  assert.equal((await feed({ ...scene, args: [...args, "--overwrite"] })).code, 0);
  await requireStored(scene);
});
