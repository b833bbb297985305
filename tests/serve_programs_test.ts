/** Programs of others read files of three chunks from a registry behind the server, plain and encrypted. @module */
import assert from "node:assert/strict";
import { generateKey, Identities, Recipients } from "../lib/exports/encryption.ts";
import { openStore, upload } from "../main.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { ensureTool, pythonPeer } from "./rigs/debian.ts";
import { announce } from "./rigs/run_notes.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { startServer } from "./rigs/served.ts";

const HAS_REGISTRY = await ensureTool("docker-registry", "docker-registry");
const BYTES = someBytes(3_000_000);

/** Runs a program to its end, and gives what it printed. */
async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Declares a test of a program that reads a file: once as it is, and once decrypted by the server. */
function testOfProgram(
  program: string,
  hasProgram: boolean,
  { make, read }: {
    make: (path: string) => Promise<unknown>;
    read: (file: { url: string; dav: string; path: (name: string) => string; name: string }) => Promise<void>;
  },
): void {
  for (const kind of ["plain", "encrypted"] as const) {
    Deno.test({
      name: `${program} reads a file of three chunks from a registry, ${kind}`,
      ignore: !HAS_REGISTRY || !hasProgram,
      async fn() {
        await using directory = await makeWorkspace();
        await using registry = await startRegistry();
        using store = openStore({ registry: registry.url, repository: "me/files" });
        const path = directory.path("original");
        await make(path);
        const chunkSize = Math.ceil((await Deno.stat(path)).size / 3);
        const keys = kind === "encrypted" ? await keysIn(directory.path("key.txt")) : undefined;
        await upload(store, "file.bin", {
          input: path,
          chunkSize,
          ...(keys && { encryptTo: keys.encryptTo }),
        });
        await using server = await startServer([`${registry.url}/me/files`], {
          identities: keys?.identities,
        });
        const [url, dav] = ["files", "dav"].map((part) => `${server.url}/${part}/me/files/`) as [
          string,
          string,
        ];
        await read({ url, dav, path: directory.path, name: "file.bin" });
      },
    });
  }
}

async function keysIn(path: string) {
  const key = await generateKey();
  await Deno.writeTextFile(path, key.identity);
  return { encryptTo: await Recipients.of([key.recipient]), identities: await Identities.inFiles([path]) };
}

async function requireSame(path: string, other: string): Promise<void> {
  assert.deepEqual(await Deno.readFile(path), await Deno.readFile(other));
}

const writeBytes = (path: string) => Deno.writeFile(path, BYTES);

testOfProgram("curl -C -", await ensureTool("curl", "curl"), {
  make: writeBytes,
  async read({ url, path, name }) {
    await Deno.writeFile(path("part"), BYTES.subarray(0, 1_234_567));
    await run("curl", ["-sSf", "-C", "-", "-o", path("part"), url + name]);
    await requireSame(path("part"), path("original"));
  },
});

testOfProgram("rclone", await ensureTool("rclone", "rclone"), {
  make: writeBytes,
  async read({ url, dav, path, name }) {
    const config = ["--config", path("rclone.conf")];
    await run("rclone", ["copy", ":http:", path("http"), "--http-url", url, ...config]);
    await run("rclone", ["copy", ":webdav:", path("webdav"), "--webdav-url", dav, ...config]);
    for (const each of ["http", "webdav"]) await requireSame(path(`${each}/${name}`), path("original"));
  },
});

testOfProgram("ffprobe", await ensureTool("ffmpeg", "ffmpeg"), {
  make: (path) =>
    run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=d=9:s=320x200", "-f", "mp4", path]),
  async read({ url, name }) {
    const shown = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    assert.equal((await run("ffprobe", [...shown, url + name])).trim(), "9.000000");
  },
});

testOfProgram("qemu-img", await ensureTool("qemu-img", "qemu-utils") && await hasCurlDriver(), {
  make: (path) => run("qemu-img", ["create", "-q", "-f", "qcow2", "-o", "preallocation=full", path, "2M"]),
  async read({ url, path, name }) {
    assert.match(await run("qemu-img", ["info", url + name]), /file format: qcow2\nvirtual size: 2 MiB/);
    await run("qemu-img", ["compare", "-q", url + name, path("original")]);
  },
});

/** Whether this qemu reads over HTTP. Debian has that in a package of its own, `qemu-block-extra`. */
async function hasCurlDriver(): Promise<boolean> {
  const { stderr } = await new Deno.Command("qemu-img", { args: ["info", "http://127.0.0.1:1/x"] }).output();
  const has = !/Unknown protocol/.test(new TextDecoder().decode(stderr));
  if (!has) {
    announce("cannot test against qemu-img here: it does not read over HTTP without qemu-block-extra");
  }
  return has;
}

const duckdb = HAS_REGISTRY ? await pythonPeer("duckdb fsspec aiohttp requests") : undefined;
const python = `${duckdb}/python`;

testOfProgram("DuckDB", duckdb !== undefined, {
  make: (path) =>
    run(python, [
      "-c",
      `import duckdb; duckdb.sql("copy (select i, md5(i::varchar) t from range(90000) r(i)) to '${path}' (format parquet)")`,
    ]),
  async read({ url, name }) {
    const script = `
import datetime, duckdb
from fsspec.implementations.http import HTTPFileSystem
class Dated(HTTPFileSystem):
    def modified(self, path): return datetime.datetime(2024, 1, 1)
duckdb.register_filesystem(Dated())
print(duckdb.sql("select count(*), sum(i) from read_parquet('${url + name}')").fetchall())`;
    assert.equal((await run(python, ["-c", script])).trim(), "[(90000, 4049955000)]");
  },
});
