/** Uploads to the server that nobody goes on with, and a disk that is full. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../lib/oci/digest.ts";
import { IMAGE_INDEX } from "../lib/oci/media_types.ts";
import { openServed, serveHandler } from "../lib/exports/serve.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";

const HOUR = 3600_000;

/** A server of a directory. Each call of `restart` is another run of it. */
function serving(directory: string) {
  const told: string[] = [];
  const restart = () => {
    const repositories = openServed([`oci:${directory}`]);
    const handler = serveHandler(repositories, {
      onEvent: (event) => void (event.type === "notice" && told.push(event.message)),
    });
    const ask = (method: string, path: string, body?: Uint8Array<ArrayBuffer>) =>
      handler(new Request(`http://localhost${path}`, { method, ...(body && { body }) }));
    return { ask, [Symbol.dispose]: () => repositories[Symbol.dispose]() };
  };
  return { restart, told };
}

type Ask = ReturnType<ReturnType<typeof serving>["restart"]>["ask"];

/** Begins an upload, sends bytes, and leaves it. */
async function leave(ask: Ask, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const begun = await ask("POST", `/v2/${name}/blobs/uploads/`);
  assert.equal(begun.status, 202);
  const location = begun.headers.get("location")!;
  assert.equal((await ask("PATCH", location, bytes)).status, 202);
  return location;
}

/** Makes the file of an upload as old as that. */
async function age(directory: string, location: string, milliseconds: number): Promise<void> {
  const [, name, id] = /^\/v2\/(.+)\/blobs\/uploads\/(.+)$/.exec(location)!;
  const then = new Date(Date.now() - milliseconds);
  await Deno.utime(join(directory, name!, `.layerstash-upload-${id}`), then, then);
}

Deno.test("an upload that got nothing for a week ends when another begins, in whatever repository", async () => {
  await using work = await makeWorkspace();
  const directory = work.path("box");
  const server = serving(directory);
  const locations: string[] = [];
  {
    using run = server.restart();
    for (const name of ["me/old", "me/new"]) locations.push(await leave(run.ask, name, someBytes(1000)));
    await age(directory, locations[0]!, 8 * 24 * HOUR);
    await age(directory, locations[1]!, 6 * 24 * HOUR);
  }
  await Deno.writeTextFile(join(directory, "me/old/.layerstash-upload-notes"), "mine");
  await Deno.utime(join(directory, "me/old/.layerstash-upload-notes"), 0, 0);
  using run = server.restart();
  assert.equal((await run.ask("GET", locations[0]!)).status, 204);
  await leave(run.ask, "me/other", someBytes(10));
  const statuses = await Promise.all(locations.map(async (each) => (await run.ask("GET", each)).status));
  assert.deepEqual(statuses, [404, 204]);
  assert.equal(
    await Deno.readTextFile(join(directory, "me/old/.layerstash-upload-notes")),
    "mine",
    "a name that no upload has is somebody else's",
  );
});

Deno.test(
  "a full disk is said to be full, and what nobody goes on with makes room",
  withSmallDisk,
  async () => {
    await using work = await makeWorkspace();
    const directory = work.path("box");
    await using _disk = await mountSmallDisk(directory, "6m");
    const server = serving(directory);
    let left = "";
    {
      using run = server.restart();
      left = await leave(run.ask, "me/left", someBytes(4_000_000));
      await age(directory, left, 2 * HOUR);
    }
    using run = server.restart();
    const bytes = someBytes(3_000_000, 7);
    const begun = await run.ask("POST", "/v2/me/files/blobs/uploads/");
    const location = begun.headers.get("location")!;
    const refused = await run.ask("PATCH", location, bytes);
    assert.equal(refused.status, 507);
    const message = "no space left on device: the disk of this server is full";
    assert.deepEqual(await refused.json(), { errors: [{ code: "DENIED", message }] });
    assert.match(server.told.join(), /^PATCH \/v2\/me\/files\/blobs\/uploads\/\S+ failed: no space is left/);
    const names = Array.from(Deno.readDirSync(join(directory, "me/files")), ({ name }) => name);
    assert.deepEqual(names.filter((name) => name.includes("upload")), [], "what did not fit is gone");
    assert.equal((await run.ask("GET", left)).status, 404, "nobody has gone on with it for two hours");
    const again = await run.ask("POST", `/v2/me/files/blobs/uploads/?digest=${digestOf(bytes)}`, bytes);
    assert.equal(again.status, 201);
    const running = await leave(run.ask, "me/left", someBytes(1_000_000));
    const tooLarge = someBytes(3_000_000, 8);
    const whole = await run.ask("POST", `/v2/me/files/blobs/uploads/?digest=${digestOf(tooLarge)}`, tooLarge);
    assert.equal(whole.status, 507);
    assert.equal((await run.ask("GET", running)).status, 204, "what is under way stays");
    const filled = Deno.writeFile(join(directory, "rest"), new Uint8Array(8_000_000));
    await assert.rejects(filled, /No space left/);
    const manifest = new TextEncoder().encode(
      `{"schemaVersion":2,"mediaType":"${IMAGE_INDEX.oci}","manifests":[]}`,
    );
    assert.equal((await run.ask("PUT", "/v2/me/files/manifests/new", manifest)).status, 507);
    assert.equal((await run.ask("POST", "/v2/me/third/blobs/uploads/")).status, 507);
  },
);
