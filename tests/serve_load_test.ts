/** The server under load: a hundred readers at once, some of whom stop, and readers who jump about. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { V8_FLAGS } from "../lib/ship/bundle.ts";
import { openStore, upload } from "../main.ts";
import { commandWords, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { startCountingProxy } from "./rigs/counting_proxy.ts";
import { ensureTool } from "./rigs/debian.ts";
import { LineReader } from "./rigs/line_reader.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { startServer } from "./rigs/served.ts";
import { bareEnvironment, onLinux } from "./rigs/system.ts";

const MiB = 1024 ** 2;
const READERS = 100;
/** What a reader that has stopped may hold of the server's memory, in bytes. */
const MOST_OF_STOPPED = MiB;
/** What the server may hold in all, in bytes. A hundred readers who stop hold 100 MiB of it at most. */
const MOST = 256 * MiB;
/** So large that the system's buffers do not take it, and that a quarter of it for each reader is more than a server may hold. */
const BYTES = someBytes(8 * MiB);
const CHUNK_SIZE = Math.ceil(BYTES.length / 3);

const HAS_REGISTRY = await ensureTool("docker-registry", "docker-registry");

/** The command in a process of its own, with the flags that released programs have, and what it holds of memory. */
async function startProcess(work: Workplace, address: string) {
  const [deno = "", run = "", ...words] = commandWords(["serve", "--listen", "127.0.0.1:0", address]);
  const child = new Deno.Command(deno, {
    args: [run, V8_FLAGS, ...words],
    clearEnv: true,
    env: bareEnvironment(work.directory),
    ...{ stdout: "piped", stderr: "piped" },
  }).spawn();
  const lines = new LineReader();
  const reading = Promise.all([lines.read(child.stderr), child.stdout.cancel()]);
  const [, port] = / at http:.*:(\d+)\/$/.exec(await lines.find((line) => / at http/.test(line)) ?? "") ?? [];
  return {
    port: Number(port),
    /** In bytes: now (`VmRSS`), or at most so far (`VmHWM`). */
    async memory(which: "VmRSS" | "VmHWM") {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      return Number(new RegExp(`^${which}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await Promise.all([reading, child.status]);
    },
  };
}

/** A reader of the file: it reads the beginning, and the rest when it is told to. */
class SlowReader implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(256 * 1024);
  #position = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Asks for the file, and reads the beginning of the answer. */
  static async begin(port: number): Promise<SlowReader> {
    const reader = new SlowReader(await Deno.connect({ hostname: "127.0.0.1", port }));
    const head = "GET /files/me/files/disk HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    await reader.#connection.write(new TextEncoder().encode(head));
    await reader.#readHead();
    return reader;
  }

  async #readHead(): Promise<void> {
    for (let filled = 0;;) {
      filled += await this.#connection.read(this.#buffer.subarray(filled)) ?? 0;
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(0, filled));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      assert.match(text, /^HTTP\/1\.1 200 [^]*layerstash-verified: yes/i);
      return this.#compare(this.#buffer.subarray(end + 4, filled));
    }
  }

  #compare(bytes: Uint8Array): void {
    const expected = BYTES.subarray(this.#position, this.#position + bytes.length);
    assert.equal(Buffer.compare(bytes, expected), 0, `other bytes at ${this.#position}`);
    this.#position += bytes.length;
  }

  /** Reads to the end of the answer. */
  async finish(): Promise<void> {
    for (let read; (read = await this.#connection.read(this.#buffer)) !== null;) {
      this.#compare(this.#buffer.subarray(0, read));
    }
    assert.equal(this.#position, BYTES.length);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

for (const place of ["directory", "registry"] as const) {
  Deno.test({
    name: `a hundred readers at once get every byte of a file in a ${place}, and hold little while they stop`,
    ignore: onLinux("the memory of a process").ignore || place === "registry" && !HAS_REGISTRY,
    async fn() {
      await using parts = new AsyncDisposableStack();
      const work = parts.use(await makeWorkplace());
      const registry = place === "registry" ? parts.use(await startRegistry()) : undefined;
      const address = registry ? `${registry.url}/me/files` : `oci:${work.path("box")}`;
      using store = openStore({ registry: registry?.url ?? address, repository: "me/files" });
      await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK_SIZE });
      const server = parts.use(await startProcess(work, address));
      {
        using first = await SlowReader.begin(server.port);
        await first.finish(); // so that what is loaded and compiled once does not count
      }
      const before = await server.memory("VmRSS");
      const readers = await Promise.all(Array.from({ length: READERS }, () => SlowReader.begin(server.port)));
      for (const reader of readers) parts.use(reader);
      const held = await server.memory("VmRSS") - before;
      await Promise.all(readers.map((reader) => reader.finish()));
      const most = await server.memory("VmHWM");
      assert.ok(held < READERS * MOST_OF_STOPPED, `the readers hold ${held} bytes while they stop`);
      assert.ok(most < MOST, `the server held ${most} bytes`);
    },
  });
}

Deno.test({
  name: "random reads of a file in a registry fetch what they ask for, and hardly more",
  ignore: !HAS_REGISTRY,
  async fn() {
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    using store = openStore({ registry: registry.url, repository: "me/files" });
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK_SIZE });
    await using server = await startServer([`http://${proxy.host}/me/files`]);
    let [asked, seed] = [0, 1];
    const random = (most: number) => (seed = seed * 48271 % 2147483647) % most; // the same each time
    for (let reads = 0; reads < 64; reads++) {
      const start = random(BYTES.length - MiB);
      const end = start + 1 + random(MiB);
      const range = `bytes=${start}-${end - 1}`;
      const answer = await fetch(`${server.url}/files/me/files/disk`, { headers: { range } });
      assert.equal(Buffer.compare(await answer.bytes(), BYTES.subarray(start, end)), 0, range);
      asked += end - start;
    }
    assert.ok(asked > 2 * BYTES.length, "each byte is asked for twice and more");
    const share = proxy.passed.down / asked;
    assert.ok(share < 1.15, `${share} times of what was asked for came over the wire`);
  },
});
