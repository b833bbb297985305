/** Transfers that are killed at random moments, again and again, until they are done. @module */
import assert from "node:assert/strict";
import { download, info, openStore } from "../main.ts";
import { NotFoundError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { killIfRunning, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { sink, someBytes } from "./rigs/content.ts";
import { type CountingProxy, startCountingProxy } from "./rigs/counting_proxy.ts";
import { ensureTool } from "./rigs/debian.ts";
import { IS_LONG } from "./rigs/long_run.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { onPosix } from "./rigs/system.ts";

const MiB = 1024 ** 2;
const CHUNK = MiB;
const JOBS = 2;
/** When a process is killed by time, at the latest: not so late that it is done. In milliseconds after the first 50. */
const LATEST = IS_LONG ? 400 : 80;
const BYTES = someBytes((IS_LONG ? 128 : 48) * MiB + 321);
const DIGEST = digestOf(BYTES);
const SEED = 20_240_229;
const { ignore } = onPosix("processes that are killed");
const REAL = !ignore && await ensureTool("docker-registry", "docker-registry");

/** Numbers from 0 up to 1 that are the same in every run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Where the stash goes, and how a moment to kill is chosen. */
interface Crash {
  place: Workplace;
  /** What comes behind `--registry`. */
  registry: string;
  /** Absent where no bytes pass over a network. */
  proxy?: CountingProxy | undefined;
  args: string[];
  /** Given on standard input each time. */
  stdin?: Uint8Array<ArrayBuffer>;
  /** Called after each run that was killed. */
  check(): Promise<void>;
  random: () => number;
  /** How many runs are killed at most. */
  most: number;
}

/** What it took. */
interface Toll {
  runs: number;
  kills: number;
}

/** Runs a command and kills it, until one run ends by itself. The moments are such that each run does some work. */
async function runUntilDone(crash: Crash): Promise<Toll> {
  for (const toll = { runs: 1, kills: 0 };; toll.runs++) {
    const spared = toll.kills >= crash.most;
    const { success, stderr } = await (spared ? spare(crash) : kill(crash));
    if (success) return toll;
    assert.ok(!spared, stderr);
    toll.kills++;
    await crash.check();
  }
}

async function spare({ place, args, stdin }: Crash): Promise<{ success: boolean; stderr: string }> {
  const { code, stderr } = await place.run(args, { stdin });
  return { success: code === 0, stderr };
}

/** The moment is after so many bytes or chunks, or after so many milliseconds: at the start, while hashing, at the end. */
async function kill(
  { place, args, stdin, proxy, random }: Crash,
): Promise<{ success: boolean; stderr: string }> {
  const child = place.start([...args, "--json"], { stdin });
  const stop = () => killIfRunning(child);
  const byTime = random() < 0.3;
  const timer = byTime ? setTimeout(stop, 50 + random() * LATEST) : undefined;
  const [bytes, chunks] = [random() * 8 * MiB, Math.ceil(random() * 8)];
  if (!byTime) proxy?.when(proxy.passed.up + proxy.passed.down + bytes, stop);
  if (stdin) new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {});
  const [, stderr, { success }] = await Promise.all([
    readLines(child.stdout, byTime || proxy ? Infinity : chunks, stop),
    new Response(child.stderr).text(),
    child.status,
  ]);
  clearTimeout(timer);
  proxy?.when(Infinity, () => {});
  return { success, stderr };
}

/** Calls the function at the line that tells of the last of so many new chunks. */
async function readLines(stdout: ReadableStream<Uint8Array>, most: number, stop: () => void): Promise<void> {
  let left = most;
  for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
    left -= [...text.matchAll(/"state":"(sent|fetched)"/g)].length;
    if (left <= 0) stop();
  }
}

function open(registry: string) {
  return openStore({ registry, repository: "me/files" });
}

/** What is there is no stash, or one that is known to be incomplete, or the whole. */
async function requireWholeOrNone(registry: string, baseTag: string): Promise<void> {
  using store = open(registry);
  const found = await info(store, baseTag).catch((error) => error);
  if (found instanceof NotFoundError) return;
  assert.ok(!(found instanceof Error), `${found}`);
  await requireWhole(registry, baseTag);
}

async function requireWhole(registry: string, baseTag: string): Promise<void> {
  using store = open(registry);
  const { stream, bytes } = sink();
  await download(store, baseTag, { output: stream });
  assert.equal(digestOf(bytes()), DIGEST);
}

/** A file that is fetched is not there, or it is whole. */
async function requireFileWholeOrNone(path: string): Promise<void> {
  const bytes = await Deno.readFile(path).catch(() => undefined);
  if (bytes) assert.equal(digestOf(bytes), DIGEST);
}

/** Runs that were hardly ever killed say nothing. */
function requireKills({ kills }: Pick<Toll, "kills">): void {
  assert.ok(kills >= 5, `${kills} kills are too few to say anything`);
}

function print(line: string): void {
  // deno-lint-ignore no-console -- figures that belong in the test's output
  console.log(line);
}

const common = (
  place: Workplace,
) => ["-r", "me/files", "--jobs", String(JOBS), "--state-dir", place.path("state"), "--progress", "none"];

const uploadArgs = (
  registry: string,
  place: Workplace,
  baseTag: string,
  infile: string,
) => [
  "upload",
  "--registry",
  registry,
  ...common(place),
  "-t",
  baseTag,
  "-i",
  infile,
  "--chunk-size",
  String(CHUNK),
];

const downloadArgs = (
  registry: string,
  place: Workplace,
) => ["download", "--registry", registry, ...common(place), "-t", "disk", "-o", "back.img"];

Deno.test({
  name: "uploads to docker-registry and downloads from it, killed again and again, end whole",
  ignore: !REAL,
  async fn() {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    await place.write("disk.img", BYTES);
    const random = dice(SEED);
    const way = { place, registry: proxy.host, proxy, random, most: IS_LONG ? 20 : 6 };
    const check = () => requireWholeOrNone(registry.url, "disk");
    for (
      const [what, crash, moved, loss] of [
        // distribution 2.8 forgets what was on its way: a chunk for each job.
        [
          "sent",
          { ...way, args: uploadArgs(proxy.host, place, "disk", "disk.img"), check },
          "up",
          JOBS * CHUNK,
        ],
        [
          "fetched",
          {
            ...way,
            args: downloadArgs(proxy.host, place),
            check: () => requireFileWholeOrNone(place.path("back.img")),
          },
          "down",
          JOBS * CHUNK,
        ],
      ] as const
    ) {
      const before = proxy.passed[moved];
      const { runs, kills } = await runUntilDone(crash);
      const bytes = proxy.passed[moved] - before;
      const ratio = (bytes / BYTES.length).toFixed(2);
      print(
        `docker-registry, seed ${SEED}: ${runs} runs, ${kills} killed; ${bytes} bytes ${what} ` +
          `of ${BYTES.length} in the file: ${ratio}`,
      );
      requireKills({ kills });
      assert.ok(bytes <= 1.02 * BYTES.length + kills * loss + runs * 64 * 1024);
    }
    await requireWhole(registry.url, "disk");
    assert.equal(digestOf(await Deno.readFile(place.path("back.img"))), DIGEST);
  },
});

Deno.test({
  name:
    "an upload from standard input, killed and fed again, ends whole and sends no chunk twice that is there",
  ignore: !REAL,
  async fn() {
    await using place = await makeWorkplace();
    await using registry = await startRegistry();
    await using proxy = startCountingProxy(registry);
    const { runs, kills } = await runUntilDone({
      place,
      registry: proxy.host,
      proxy,
      args: uploadArgs(proxy.host, place, "tape", "-"),
      stdin: BYTES,
      check: () => requireWholeOrNone(registry.url, "tape"),
      random: dice(SEED + 1),
      most: IS_LONG ? 8 : 5,
    });
    requireKills({ kills });
    const bytes = proxy.passed.up;
    print(
      `docker-registry, standard input: ${runs} runs, ${kills} killed; ${bytes} bytes sent ` +
        `of ${BYTES.length}: ${(bytes / BYTES.length).toFixed(2)}`,
    );
    assert.ok(bytes <= 1.02 * BYTES.length + kills * CHUNK + runs * 64 * 1024);
    await requireWhole(registry.url, "tape");
  },
});

Deno.test({
  name: "uploads to a directory and downloads from it, killed again and again, end whole",
  ignore,
  async fn() {
    await using place = await makeWorkplace();
    await place.write("disk.img", BYTES);
    const registry = `oci:${place.path("box")}`;
    const random = dice(SEED + 2);
    const way = { place, registry, random, most: IS_LONG ? 15 : 5 };
    const up = await runUntilDone({
      ...way,
      args: uploadArgs(registry, place, "disk", "disk.img"),
      check: () => requireWholeOrNone(registry, "disk"),
    });
    const down = await runUntilDone({
      ...way,
      args: downloadArgs(registry, place),
      check: () => requireFileWholeOrNone(place.path("back.img")),
    });
    print(
      `directory: upload ${up.runs} runs, ${up.kills} killed; download ${down.runs} runs, ${down.kills} killed`,
    );
    for (const toll of [up, down]) requireKills(toll);
    await requireWhole(registry, "disk");
    assert.equal(digestOf(await Deno.readFile(place.path("back.img"))), DIGEST);
  },
});
