/**
 * A process that downloads one file, and is killed in the middle: `deno run -A download_process.ts BYTES REGISTRY OUTPUT
 * STATE_DIRECTORY`. It kills itself, so that it comes no further than that on a slow machine either, and prints before
 * how many bytes have come.
 *
 * @module
 */
import { download, openStore } from "../../main.ts";

const [bytes, registry = "", output = "", stateDirectory] = Deno.args;
using store = openStore({ registry, repository: "me/files" });
let fetched = 0;
await download(store, "disk", {
  output,
  stateDirectory,
  onEvent(event) {
    if (event.type === "progress") fetched += event.bytes;
    if (fetched < Number(bytes)) return;
    // deno-lint-ignore no-console -- this is what the test wants to know
    console.log(fetched);
    Deno.kill(Deno.pid, "SIGKILL");
  },
});
