/** Runs a command and tells what it took: time, processor time here and at the servers, and the most memory. @module */
import { processorSeconds } from "./processes.ts";

/** What one run of a command took. */
export interface Taken {
  /** From start to end, in seconds. */
  wall: number;
  /** Of the processor, for the program and for the system on its behalf, in seconds. */
  cpu: number;
  /** Of the processor, for the servers, in seconds. */
  serverCpu: number;
  /** The peak of resident memory, in MiB. */
  memory: number;
}

/** How a command is run. */
export interface MeasureOptions {
  /** All its variables. */
  env: Record<string, string>;
  /** The processes of the servers that work for it. */
  servers: readonly number[];
  /** Ends it. */
  signal: AbortSignal;
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

/**
 * Runs a command to its end.
 *
 * @throws {Error} with what it printed if it fails
 */
export async function measure(
  words: readonly string[],
  { env, servers, signal }: MeasureOptions,
): Promise<Taken> {
  const before = await processorSeconds(servers);
  const args = ["-c", WAIT, ...words];
  const { stdout } = await new Deno.Command("python3", { args, clearEnv: true, env, signal }).output();
  signal.throwIfAborted();
  const { status, errors, ...taken } = JSON.parse(new TextDecoder().decode(stdout));
  if (status !== 0) throw new Error(errors.trim() || `it ended with ${status}`);
  return { ...taken, serverCpu: await processorSeconds(servers) - before };
}
