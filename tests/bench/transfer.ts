/**
 * Measures transfers beside curl, on the same work, in one run: layerstash hashes and verifies, curl does neither.
 * Run it with `deno task bench`; it needs Debian's docker-registry, and curl.
 *
 * @module
 */
import { join } from "node:path";
import { digestOf } from "../../lib/oci/digest.ts";
import { commandWords } from "../rigs/command_line.ts";
import { ensureTool } from "../rigs/debian.ts";
import { type RealRegistry, startRegistry } from "../rigs/real_registry.ts";

const SIZE = 256 * 1024 * 1024;
const RUNS = 5;

/** One thing to measure: it gets the number of the run, and everything that it makes must differ by it. */
interface Contender {
  name: string;
  run(number: number): Promise<string[]>;
}

/** Measures the contenders in turn, and gives the median of each in milliseconds. */
async function race(contenders: Contender[]): Promise<number[]> {
  const times = contenders.map((): number[] => []);
  for (let number = 0; number <= RUNS; number++) {
    for (const [index, contender] of contenders.entries()) {
      const words = await contender.run(number);
      const began = performance.now();
      await run(words);
      if (number > 0) times[index]!.push(performance.now() - began); // the first run warms up
    }
  }
  return times.map((each) => each.sort((a, b) => a - b)[Math.floor(RUNS / 2)]!);
}

async function run(words: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(words[0]!, { args: words.slice(1), stdout: "null" })
    .output();
  if (!success) throw new Error(`${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function report(title: string, contenders: Contender[]): Promise<void> {
  const medians = await race(contenders);
  print(`\n${title} (${SIZE / 1024 ** 2} MiB, medians of ${RUNS} runs in turn)`);
  for (const [index, { name }] of contenders.entries()) {
    const milliseconds = medians[index]!;
    const speed = (SIZE / 1e6) / (milliseconds / 1000);
    const ratio = (milliseconds / medians.at(-1)!).toFixed(2);
    print(
      `${name.padEnd(12)} ${milliseconds.toFixed(0).padStart(6)} ms ${
        speed.toFixed(0).padStart(6)
      } MB/s   ${ratio}`,
    );
  }
}

function uploads(registry: RealRegistry, file: string, digest: string): Contender[] {
  const to = ["--registry", registry.host, "-r", "bench/up"];
  return [{
    name: "layerstash",
    run: (number) => Promise.resolve(commandWords(["upload", ...to, "-t", `up${number}`, "-i", file])),
  }, {
    name: "curl -T",
    async run(number) {
      const answer = await fetch(`${registry.url}/v2/bench/curl${number}/blobs/uploads/`, { method: "POST" });
      return ["curl", "-sSf", "-T", file, `${answer.headers.get("location")}&digest=${digest}`];
    },
  }];
}

function downloads(registry: RealRegistry, directory: string, digest: string): Contender[] {
  const from = ["--registry", registry.host, "-r", "bench/up"];
  return [{
    name: "layerstash",
    run: (number) =>
      Promise.resolve(commandWords(["download", ...from, "-t", "up0", "-o", join(directory, `a${number}`)])),
  }, {
    name: "curl -o",
    run(number) {
      const url = `${registry.url}/v2/bench/up/blobs/${digest}`;
      return Promise.resolve(["curl", "-sSf", "-o", join(directory, `b${number}`), url]);
    },
  }];
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (!await ensureTool("docker-registry", "docker-registry") || !await ensureTool("curl", "curl")) {
  Deno.exit(1);
}
const directory = await Deno.makeTempDir({ prefix: "layerstash-bench-" });
try {
  await using registry = await startRegistry();
  const bytes = new Uint8Array(SIZE);
  for (let offset = 0; offset < SIZE; offset += 65536) {
    crypto.getRandomValues(bytes.subarray(offset, offset + 65536));
  }
  const file = join(directory, "file");
  await Deno.writeFile(file, bytes);
  await report("upload to docker-registry", uploads(registry, file, digestOf(bytes)));
  await report("download from docker-registry", downloads(registry, directory, digestOf(bytes)));
} finally {
  await Deno.remove(directory, { recursive: true });
}
