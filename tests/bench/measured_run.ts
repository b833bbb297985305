/** Runs a command and tells what it took: time, processor time of both kinds, and the most memory at a time. @module */
import { makeWorkplace } from "../rigs/command_line.ts";

/** What one run of a command took. */
export interface Taken {
  /** From start to end, in seconds. */
  wall: number;
  /** Of the processor, for the program and for the system on its behalf, in seconds. */
  cpu: number;
  /** The peak of resident memory, in MiB. */
  memory: number;
}

/** The kernel's own figures; Deno does not give them. */
const WAIT = `
import json, os, subprocess, sys, time
began = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
errors = child.stderr.read()
_, status, used = os.wait4(child.pid, 0)
print(json.dumps({
  "wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024,
  "status": status, "errors": errors.decode(errors="replace")[-2000:]}))
`;

/** Runs a command to its end. Throws where it fails. */
export async function measure(words: string[]): Promise<Taken> {
  const { stdout } = await new Deno.Command("python3", { args: ["-c", WAIT, ...words] }).output();
  const { status, errors, ...taken } = JSON.parse(new TextDecoder().decode(stdout));
  if (status !== 0) throw new Error(`${words.join(" ")}: ${errors}`);
  return taken;
}

/** The median of some figures. */
export function median(figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
}

/** Where files of a benchmark are: in memory where the system has such a place. */
export async function workplaceInMemory(): ReturnType<typeof makeWorkplace> {
  const inMemory = await Deno.stat("/dev/shm").then(({ isDirectory }) => isDirectory, () => false);
  if (inMemory) Deno.env.set("TMPDIR", "/dev/shm");
  return await makeWorkplace();
}
