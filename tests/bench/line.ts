/**
 * The line between programs and servers: this machine's own, or a long one. A long line is real where root can make
 * network namespaces: packets are delayed, lost and queued by `long_line.c`. Elsewhere a proxy stands in for it.
 *
 * @module
 */
import { join } from "node:path";
import { ensureTool } from "../rigs/debian.ts";
import { LineReader } from "../rigs/line_reader.ts";
import { runProgram } from "../rigs/tar.ts";
import { startServer } from "./servers.ts";

/** What a long line is like. */
export interface LineSettings {
  /** In milliseconds. */
  roundTrip: number;
  /** In percent of the packets. */
  loss: number;
  /** In megabits a second, each way. */
  mbit: number;
  /** How senders judge loss: BBR passes over it, cubic takes it for a queue that is full. */
  sender: "bbr" | "cubic";
}

/** A line that can be used until it is disposed of. */
export interface Line extends AsyncDisposable {
  /** What a server's command begins with. */
  readonly server: string[];
  /** What a client's command begins with. */
  readonly client: string[];
  /** The address on which servers listen. */
  readonly address: string;
  /** What it lacks; absent = nothing. */
  readonly lacks?: string;
  /** Where clients reach a server that listens on a port of the address. */
  reach(port: number): Promise<string>;
}

/** The settings in words. */
export function describeLine({ roundTrip, loss, mbit, sender }: LineSettings): string {
  const losses = loss === 0 ? "" : `, ${loss} % loss, ${sender === "bbr" ? "BBR" : sender}`;
  return `${roundTrip} ms${losses}, ${mbit === 1000 ? "1 Gbit/s" : `${mbit} Mbit/s`}`;
}

/** Opens a line; without settings, the one inside of this machine. The directory is for what is compiled. */
export async function openLine(settings: LineSettings | undefined, directory: string): Promise<Line> {
  if (settings === undefined) {
    const reach = (port: number) => Promise.resolve(`127.0.0.1:${port}`);
    return { ...LOCAL, reach, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  try {
    return await realLine(settings, directory);
  } catch (error) {
    return standInLine(settings, (error as Error).message.trim().split("\n").at(-1)!);
  }
}

const LOCAL = { server: [], client: [], address: "127.0.0.1" };
const [FAR, NEAR] = ["10.77.0.2", "10.77.0.1"];

async function realLine(settings: LineSettings, directory: string): Promise<Line> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) throw new Error("only root can make one, on Linux");
  for (const [tool, name] of [["ip", "iproute2"], ["cc", "build-essential"]] as const) {
    if (!await ensureTool(tool, name)) throw new Error(`${tool} is missing`);
  }
  const program = join(directory, "long_line");
  await runProgram("cc", ["-O2", "-pthread", "-o", program, join(import.meta.dirname!, "long_line.c")]);
  await using parts = new AsyncDisposableStack();
  const [far, near] = [`bench-far-${Deno.pid}`, `bench-near-${Deno.pid}`] as const;
  for (const space of [far, near]) {
    await runProgram("ip", ["netns", "add", space]);
    parts.defer(async () => void await runProgram("ip", ["netns", "del", space]));
    await tune(space, settings);
  }
  parts.defer(await startLine(program, [far, near], settings));
  for (const [space, address] of [[far, FAR], [near, NEAR]] as const) {
    await runProgram("ip", ["-n", space, "addr", "add", `${address}/24`, "dev", "line"]);
    await runProgram("ip", ["-n", space, "link", "set", "line", "up", "txqueuelen", "10000"]);
  }
  const kept = parts.move();
  return {
    server: ["ip", "netns", "exec", far],
    client: ["ip", "netns", "exec", near],
    address: FAR,
    reach: (port) => Promise.resolve(`${FAR}:${port}`),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Buffers have to hold what is on its way: without that, a window of a few MiB is the limit. */
async function tune(space: string, { sender }: LineSettings): Promise<void> {
  const settings = [
    `echo ${sender} > tcp_congestion_control`,
    "echo 4096 131072 33554432 > tcp_rmem",
    "echo 4096 131072 33554432 > tcp_wmem",
  ];
  await runProgram("ip", ["-n", space, "link", "set", "lo", "up"]);
  const script = ["cd /proc/sys/net/ipv4", ...settings].join("\n");
  await runProgram("ip", ["netns", "exec", space, "sh", "-ec", script]);
}

/** Starts the program that carries packets; gives what ends it. */
async function startLine(
  program: string,
  spaces: readonly string[],
  { roundTrip, loss, mbit }: LineSettings,
): Promise<() => Promise<void>> {
  const args = [...spaces, ...[roundTrip / 2, loss, mbit].map(String)];
  const child = new Deno.Command(program, { args, stdout: "piped", stderr: "inherit" }).spawn();
  const said = new LineReader();
  const ended = Promise.all([said.read(child.stdout), child.status]);
  if (await said.find((line) => line === "ready") === undefined) {
    throw new Error("/dev/net/tun cannot be used");
  }
  return async () => {
    child.kill("SIGKILL");
    await ended;
  };
}

function standInLine({ roundTrip, mbit }: LineSettings, reason: string): Line {
  const parts = new AsyncDisposableStack();
  return {
    ...LOCAL,
    lacks: `a proxy stood in for the line, without loss and without the windows of TCP: ${reason}`,
    async reach(port) {
      const host = `127.0.0.1:${port}`;
      return parts.use(await startServer("stand_in_line.ts", host, `${roundTrip / 2}`, `${mbit}`)).host;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
