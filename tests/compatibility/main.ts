/**
 * Tries layerstash with other people's programs, which are found or built: `deno task compatibility`, or only
 * `deno task compatibility servers gitea olareg`. It ends with 1 where something is not as it is written down.
 *
 * @module
 */
import { tryClients } from "./clients.ts";
import { tryConformance } from "./conformance.ts";
import { tryServers } from "./servers.ts";

const KINDS: Record<string, (names: string[]) => Promise<number>> = {
  servers: tryServers,
  clients: tryClients,
  conformance: tryConformance,
};

const [wanted, ...names] = Deno.args;
const chosen = wanted === undefined ? Object.values(KINDS) : [KINDS[wanted]];
let surprising = 0;
for (const kind of chosen) {
  if (!kind) throw new Error(`there is no ${wanted}: there are ${Object.keys(KINDS).join(", ")}`);
  surprising += await kind(names);
}
if (surprising > 0) Deno.exit(1);
