/** What `deno task test` loads before each file of tests. @module */
import { withDeadline } from "./deadline.ts";
import { IS_LONG } from "./long_run.ts";

/** A test that may take longer on a busy machine has a `timeout` of its own. In milliseconds. */
const LONGEST = (IS_LONG ? 15 : 3) * 60_000;

Object.assign(Deno, { test: withDeadline(Deno.test, LONGEST) });
