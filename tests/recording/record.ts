/** Records a real transfer in a real terminal for the README: `deno task record` makes `.github/transfer.svg`. @module */
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { commandWords } from "../rigs/command_line.ts";
import { someBytes } from "../rigs/content.ts";
import { ensureTool } from "../rigs/debian.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import { openScreen, type Screen } from "../rigs/screen.ts";
import { bareEnvironment } from "../rigs/system.ts";
import { drawFrames, type Frame } from "./draw_frames.ts";

/** Where the picture is kept. */
export const RECORDING = join(import.meta.dirname!, "../../.github/transfer.svg");

/** The README's first commands, with a registry in the place of the directory: `--limit-rate` is for connections. */
const COMMANDS = [
  "export LAYERSTASH_LIMIT_RATE=4MB  # slow enough to watch",
  "layerstash upload disk.img localhost:5000/me/files:disk --chunk-size 5MB",
  "layerstash list localhost:5000/me/files --exact-size",
  "layerstash download localhost:5000/me/files:disk copy.img",
];
const TERMINAL = { columns: 96, rows: 14 };
const FILE_SIZE = 12 * 1024 * 1024;

/** Milliseconds between two keys, between two looks, and before and behind a command. */
const [KEY, LOOK, BREATH, READING] = [12, 60, 400, 900];
const LAST_FRAME = 6000;

async function main(): Promise<void> {
  const tools = [await ensureTool("tmux", "tmux"), await ensureTool("docker-registry", "docker-registry")];
  if (tools.includes(false)) throw new Error("a recording needs tmux and docker-registry");
  await using _registry = await startRegistry({ port: 5000 });
  const directory = await Deno.makeTempDir({ prefix: "layerstash-recording-" });
  try {
    await Deno.writeFile(join(directory, "disk.img"), someBytes(FILE_SIZE));
    await using screen = await openScreen(await shellWords(directory), bareEnvironment(directory), TERMINAL);
    await screen.until(/^\$/);
    const frames = await record(screen, COMMANDS);
    const picture = { ...TERMINAL, title: "layerstash", pause: LAST_FRAME };
    await Deno.writeTextFile(RECORDING, drawFrames(frames, picture));
    say(`${frames.length} frames in ${Math.round(frames.at(-1)!.at)} ms: ${RECORDING}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A shell with a short prompt, which knows `layerstash` as this checkout. */
async function shellWords(directory: string): Promise<string[]> {
  const programs = join(directory, ".bin");
  await Deno.mkdir(programs);
  const script = `#!/bin/sh\nexec ${commandWords([]).join(" ")} "$@"\n`;
  await Deno.writeTextFile(join(programs, "layerstash"), script, { mode: 0o755 });
  const path = [programs, dirname(Deno.execPath()), "/usr/bin", "/bin"].join(":");
  const settings = [`PATH=${path}`, `LAYERSTASH_STATE_DIR=${join(directory, ".state")}`, "PS1=$ "];
  return ["env", "-C", directory, ...settings, "bash", "--noprofile", "--norc"];
}

/** Types commands one after another, and keeps all that the screen showed meanwhile. */
async function record(screen: Screen, commands: readonly string[]): Promise<Frame[]> {
  const frames: Frame[] = [];
  const start = performance.now();
  const look = async () => {
    const shown = { at: performance.now() - start, ...await screen.look() };
    if (!looksAlike(shown, frames.at(-1))) frames.push(shown);
    return shown;
  };
  await look();
  for (const command of commands) {
    await wait(BREATH);
    for (const key of command) {
      await screen.type("-l", key);
      await wait(KEY);
      await look();
    }
    await wait(BREATH);
    await screen.type("Enter");
    while ((await look()).rows.findLast((row) => row !== "") !== "$") await wait(LOOK);
    await wait(READING);
  }
  return frames;
}

function looksAlike(one: Frame, other: Frame | undefined): boolean {
  const what = ({ rows, cursor }: Frame) => JSON.stringify({ rows, cursor });
  return other !== undefined && what(one) === what(other);
}

function say(line: string): void {
  // deno-lint-ignore no-console -- the task says what it made
  console.error(line);
}

if (import.meta.main) await main();
