/**
 * The command line in a process that tells at its end how much memory it took at most, in kB, on standard error:
 * `deno run -A measured_command.ts peek oci:box`.
 *
 * @module
 */
import { runCommandLine } from "../../lib/cli/program.ts";

globalThis.addEventListener("unload", () => {
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  Deno.stderr.writeSync(new TextEncoder().encode(`peak ${peak}\n`));
});
await runCommandLine(Deno.args);
