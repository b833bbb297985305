/**
 * A process that uploads or downloads one file, and tells how much memory it took at most:
 * `deno run -A transfer_process.ts upload|download REGISTRY PATH CHUNK_SIZE JOBS`.
 *
 * @module
 */
import { download, openStore, upload } from "../../main.ts";

const [verb, registry = "", path = "", chunkSize, jobs] = Deno.args;
const options = { jobs: Number(jobs) };
{
  using store = openStore({ registry, repository: "me/files" });
  if (verb === "upload") {
    await upload(store, "big", { ...options, input: path, chunkSize: Number(chunkSize) });
  } else await download(store, "big", { ...options, output: path });
}
const peak = /^VmHWM:\s*(\d+) kB$/m.exec(await Deno.readTextFile("/proc/self/status"))?.[1];
// deno-lint-ignore no-console -- this is what the test reads
console.log(peak);
