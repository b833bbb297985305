/** What `deno task test` loads before each file of tests. @module */
import { withDeadline } from "./deadline.ts";

/** A test that may take longer on a busy machine has a `timeout` of its own. In milliseconds. */
const LONGEST = 3 * 60_000;

Object.assign(Deno, { test: withDeadline(Deno.test, LONGEST) });
