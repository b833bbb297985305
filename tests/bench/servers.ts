/** The servers of the benchmark, each in a process of its own, so that none of them slows the others. @module */
import { join } from "node:path";
import { LineReader } from "../rigs/line_reader.ts";
import { runProgram } from "../rigs/tar.ts";

/** A server that runs until it is disposed of. */
export interface Server extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Its process. */
  readonly pid: number;
}

/** Runs a file of this folder, which prints its port first. */
export async function startServer(file: string, ...args: string[]): Promise<Server> {
  const path = join(import.meta.dirname!, file);
  return await startListening([Deno.execPath(), "run", "-A", "--frozen", path, ...args], /^(\d+)$/);
}

/** Runs a program that prints its port, on either of its outputs; the expression finds it in the line. */
export async function startListening(
  [program = "", ...args]: readonly string[],
  port: RegExp,
  env: Record<string, string> = {},
): Promise<Server> {
  const child = new Deno.Command(program, { args, env, stdout: "piped", stderr: "piped" }).spawn();
  const said = new LineReader();
  const ended = Promise.all([said.read(child.stdout), said.read(child.stderr), child.status]);
  const line = await said.find((line) => port.test(line));
  if (line === undefined) throw new Error(`${program} did not start: ${said.lines.join("\n")}`);
  return {
    host: `127.0.0.1:${port.exec(line)![1]}`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** What stands in front of a registry. */
export interface FrontSettings {
  /** What its command begins with. */
  under: readonly string[];
  /** The address that it listens on. */
  address: string;
  /** The registry, as `HOST:PORT`. */
  registry: string;
  /** The registry's storage: blobs are read there, as large registries leave them to a storage of their own. */
  storage: string;
  /** The files of a certificate. */
  certificate: { certificatePath: string; keyPath: string };
}

/** Puts nginx in front of a registry: TLS, and HTTP/2 for whoever asks for it. */
export async function startFront(directory: string, settings: FrontSettings): Promise<Nginx> {
  const port = freePort();
  const server = frontConfig({ ...settings, port });
  return { port, ...await startNginx(directory, { server, under: settings.under }) };
}

/** nginx, and where it listens. */
export interface Nginx extends Omit<Server, "host"> {
  readonly port: number;
}

/** Serves the files of a directory with nginx. */
export async function startFileServer(directory: string, root: string): Promise<Nginx> {
  const port = freePort();
  return { port, ...await startNginx(directory, { server: `listen 127.0.0.1:${port}; root ${root};` }) };
}

/** Runs nginx with a server, whose port is its own. */
async function startNginx(
  directory: string,
  { server, under = [] }: { server: string; under?: readonly string[] },
): Promise<Omit<Nginx, "port">> {
  const config = join(directory, "nginx.conf");
  await Deno.writeTextFile(config, nginxConfig(directory, server));
  const [program = "", ...args] = [...under, "nginx", "-c", config, "-e", `${directory}/nginx.log`];
  await runProgram(program, args); // it listens when this ends
  const pid = Number(await Deno.readTextFile(`${directory}/nginx.pid`));
  return { pid, [Symbol.asyncDispose]: () => Promise.resolve(Deno.kill(pid, "SIGTERM")) };
}

function nginxConfig(directory: string, server: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon on; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log; user root;
events {}
http {
  access_log off; sendfile on; client_max_body_size 0;
  ${temporary.map((each) => `${each}_temp_path ${directory};`).join(" ")}
  server { ${server} }
}
`;
}

function frontConfig(
  { address, port, registry, storage, certificate }: FrontSettings & { port: number },
): string {
  const passOn = `proxy_pass http://${registry}; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https; proxy_request_buffering off; proxy_buffering off;`;
  return `
    listen ${address}:${port} ssl http2;
    ssl_certificate ${certificate.certificatePath}; ssl_certificate_key ${certificate.keyPath};
    root ${storage}/docker/registry/v2/blobs/sha256;
    location ~ "^/v2/.+/blobs/sha256:(?<start>..)(?<rest>[0-9a-f]{62})$" {
      default_type application/octet-stream; add_header Docker-Content-Digest sha256:$start$rest;
      try_files /$start/$start$rest/data @registry;
    }
    location / { ${passOn} }
    location @registry { ${passOn} }
  `;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
