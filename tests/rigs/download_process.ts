/**
 * A process that downloads one file, to be killed: `deno run -A download_process.ts REGISTRY OUTPUT STATE_DIRECTORY`. It
 * prints how many bytes have come whenever some have.
 *
 * @module
 */
import { download, openStore } from "../../main.ts";

const [registry = "", output = "", stateDirectory] = Deno.args;
using store = openStore({ registry, repository: "me/files" });
let fetched = 0;
await download(store, {
  baseTag: "disk",
  output,
  stateDirectory,
  onEvent: (event) => {
    // deno-lint-ignore no-console -- this is what the test waits for
    if (event.type === "progress") console.log(fetched += event.bytes);
  },
});
