/** The tests' fake registry as a process, which forgets the bytes of blobs: `deno run -A fake.ts` prints its port. @module */
import { startFakeRegistry } from "../rigs/fake_registry.ts";

const registry = await startFakeRegistry({ discard: true });
// deno-lint-ignore no-console -- the benchmark reads it
console.log(new URL(registry.url).port);
