/** What processes have taken so far, as the kernel tells it in `/proc`; nothing where there is no such place. @module */

/** The kernel counts a hundredth of a second at a time. */
const TICKS = 100;

/** The seconds of the processor that these processes have taken, with their children. */
export async function processorSeconds(processes: readonly number[]): Promise<number> {
  if (processes.length === 0) return 0;
  const all = await readProcesses();
  const family = new Set(processes);
  for (const pid of family) for (const each of all) if (each.parent === pid) family.add(each.pid);
  return all.filter(({ pid }) => family.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS;
}

async function readProcesses(): Promise<{ pid: number; parent: number; ticks: number }[]> {
  const found = [];
  try {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => ""); // it may have ended
      // The name, in parentheses, may contain anything. Behind it: state, parent ...
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
      const [parent = 0] = fields.slice(1);
      found.push({ pid: Number(name), parent, ticks: fields.slice(11, 13).reduce((a, b) => a + b, 0) });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}
