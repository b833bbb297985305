/** Where a load is run: a registry, what stands in front of it, and the line to it. @module */
import { join } from "node:path";
import { makeServerCertificate, type ServerCertificate } from "../rigs/certificates.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import { type Line, type LineSettings, openLine } from "./line.ts";
import type { Bench } from "./load.ts";
import { type Server, startFront, startServer } from "./servers.ts";

/** What a ground is made of. */
export interface GroundSettings {
  /** A long line; absent = inside of this machine. */
  line?: LineSettings | undefined;
  /** Who speaks TLS, and HTTP/2 to whoever asks for it: the registry itself, or nginx in front of it. Absent = nobody. */
  tls?: "registry" | "nginx" | undefined;
  /** The server's program; a sink takes everything and keeps nothing. `docker-registry` where absent. */
  server?: "docker-registry" | "distribution" | "sink" | undefined;
}

/** A ground that stands until it is disposed of. */
export interface Ground extends AsyncDisposable {
  /** `HOST:PORT` of the registry. */
  readonly host: string;
  /** The file of the authority that a client has to trust; absent = plain http. */
  readonly authority?: string;
  /** What a client's command begins with. */
  readonly client: string[];
  /** What a command begins with that is to be beside the server, and not at the far end of the line. */
  readonly beside: string[];
  /** The processes of the servers. */
  readonly servers: number[];
  /** What the line lacks; absent = nothing. */
  readonly lacks?: string | undefined;
  /** Deletes everything that the registry has stored. */
  forget(): Promise<void>;
}

/** Opens a ground. */
export async function openGround(settings: GroundSettings, bench: Bench): Promise<Ground> {
  const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "ground-" });
  await using parts = new AsyncDisposableStack();
  parts.defer(() => Deno.remove(directory, { recursive: true }));
  const line = parts.use(await openLine(settings.line, directory));
  const storage = join(directory, "storage");
  const where = { bench, storage, line };
  const registry = parts.use(await startAnyServer(settings, where));
  const front = settings.tls === "nginx"
    ? parts.use(await startNginx(directory, { ...where, registry: registry.host }))
    : undefined;
  const { port, authority } = front ??
    { port: portOf(registry.host), authority: registry.certificate?.caPath };
  const host = await line.reach(port);
  const kept = parts.move();
  return {
    host,
    ...(authority !== undefined && { authority }),
    client: line.client,
    beside: line.server,
    lacks: line.lacks,
    servers: [registry.pid, ...(front ? [front.pid] : [])],
    async forget() {
      if (settings.server === "sink") {
        await (await fetch(`http://${registry.host}`, { method: "DELETE" })).body?.cancel();
      } else await Deno.remove(join(storage, "docker"), { recursive: true }).catch(ignoreMissing);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Place {
  bench: Bench;
  storage: string;
  line: Line;
}

async function startAnyServer(
  { server = "docker-registry", tls }: GroundSettings,
  { bench, storage, line }: Place,
): Promise<Server & { certificate?: ServerCertificate | undefined }> {
  if (server === "sink") return await startServer("sink.ts");
  const program = bench.programs.require(server);
  // nginx stands on the line, and the registry behind it.
  const own = tls === "registry" ? { tls: true, address: line.address } : {};
  return await startRegistry({ program, storage, under: line.server, ...own });
}

async function startNginx(
  directory: string,
  { bench, storage, line, registry }: Place & { registry: string },
) {
  bench.programs.require("nginx");
  const certificate = await makeServerCertificate(directory, [line.address]);
  const settings = { under: line.server, address: line.address, registry, storage, certificate };
  return Object.assign(await startFront(directory, settings), { authority: certificate.caPath });
}

function portOf(host: string): number {
  return Number(host.split(":")[1]);
}

function ignoreMissing(error: Error): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
