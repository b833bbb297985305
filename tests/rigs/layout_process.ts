/**
 * A process that writes to a layout: `deno run -A layout_process.ts DIRECTORY PREFIX COUNT SIZE` stores COUNT stashes
 * of two chunks under the names `PREFIX1`, `PREFIX2` ... and prints a line when something was written.
 *
 * @module
 */
import { openStore, upload } from "../../main.ts";
import { someBytes, streamOf } from "./content.ts";

const [directory = "", prefix = "", count, size] = Deno.args;
using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
const content = someBytes(Number(size), prefix.charCodeAt(0));
for (let number = 1; number <= Number(count); number++) {
  content[0] = number;
  await upload(store, `${prefix}${number}`, {
    input: streamOf(content, 64 * 1024),
    chunkSize: Math.ceil(content.length / 2),
    // deno-lint-ignore no-console -- this is what the test waits for
    onEvent: (event) => console.log(event.type),
  });
}
