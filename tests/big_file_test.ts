/** A large file goes to a real registry and comes back, in little memory and without a copy of it on the disk. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { chooseSize } from "./rigs/long_run.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { onLinux } from "./rigs/system.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const PROCESS = join(import.meta.dirname!, "rigs/transfer_process.ts");
const CONFIG = join(import.meta.dirname!, "../deno.json");
const MOST_MEMORY = 256 * MiB;

/** Room for the file, the registry's copy and the one that comes back. */
const SIZES = { short: 600 * MiB, long: 3 * GiB, room: 12 * GiB };

const block = Buffer.from(someBytes(64 * MiB).buffer);

/** The file's content: a block that looks random, again and again, its place stamped into every mebibyte. */
function stamp(position: number): Uint8Array {
  for (let at = 0; at < block.length; at += MiB) block.writeBigUInt64LE(BigInt(position + at), at + 1000);
  return block;
}

async function writeBigFile(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (let position = 0; position < size; position += block.length) {
    const piece = stamp(position).subarray(0, size - position);
    for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
  }
}

async function requireSameBytes(path: string, size: number): Promise<void> {
  using file = await Deno.open(path);
  const piece = Buffer.alloc(MiB);
  for (let position = 0; position < size; position += MiB) {
    const within = position % block.length;
    if (within === 0) stamp(position);
    for (let filled = 0; filled < MiB;) {
      const read = file.readSync(piece.subarray(filled));
      if (read === null) assert.fail(`it ends before byte ${position + MiB}`);
      filled += read;
    }
    assert.ok(piece.equals(block.subarray(within, within + MiB)), `other bytes from ${position} on`);
  }
  assert.equal((await Deno.stat(path)).size, size);
}

/** Runs one transfer with a directory for temporary files of its own; gives its peak of resident memory, in bytes. */
async function transfer(work: Workspace, args: string[]): Promise<number> {
  const temporary = work.path("temporary");
  await Deno.mkdir(temporary, { recursive: true });
  const watcher = Deno.watchFs(temporary);
  const made: string[] = [];
  const watching = (async () => {
    for await (const { paths } of watcher) made.push(...paths);
  })();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--frozen", "--config", CONFIG, PROCESS, ...args],
    env: { TMPDIR: temporary, TMP: temporary, TEMP: temporary },
  }).output();
  watcher.close();
  await watching;
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.deepEqual(made, [], "no temporary file");
  return Number(new TextDecoder().decode(stdout)) * 1024;
}

Deno.test({
  name: "a large file goes up and comes back in less than 256 MiB of memory, without a temporary copy",
  ignore: onLinux("memory by /proc").ignore || !await ensureTool("docker-registry", "docker-registry"),
  async fn() {
    await using work = await makeWorkspace();
    const size = await chooseSize(work.path("."), SIZES);
    await writeBigFile(work.path("big.img"), size);
    await using registry = await startRegistry();
    const [chunkSize, jobs] = [String(Math.ceil(size / 3)), "3"];
    const up = await transfer(work, ["upload", registry.url, work.path("big.img"), chunkSize, jobs]);
    await Deno.remove(work.path("big.img"));
    const down = await transfer(work, ["download", registry.url, work.path("back.img"), chunkSize, jobs]);
    await requireSameBytes(work.path("back.img"), size);
    for (const [what, peak] of [["upload", up], ["download", down]] as const) {
      assert.ok(peak > 0 && peak < MOST_MEMORY, `the ${what} took ${Math.round(peak / MiB)} MiB`);
    }
  },
});
