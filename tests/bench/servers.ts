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
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen", path, ...args],
    stdout: "piped",
  });
  const child = command.spawn();
  const said = new LineReader();
  const ended = Promise.all([said.read(child.stdout), child.status]);
  const port = await said.find((line) => /^\d+$/.test(line));
  if (port === undefined) throw new Error(`${file} did not start`);
  return {
    host: `127.0.0.1:${port}`,
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
export async function startFront(
  directory: string,
  settings: FrontSettings,
): Promise<Omit<Server, "host"> & { port: number }> {
  const port = freePort();
  const config = join(directory, "nginx.conf");
  await Deno.writeTextFile(config, nginxConfig(directory, { ...settings, port }));
  const [program = "", ...args] = [...settings.under, "nginx", "-c", config, "-e", `${directory}/nginx.log`];
  await runProgram(program, args); // it listens when this ends
  const pid = Number(await Deno.readTextFile(`${directory}/nginx.pid`));
  return {
    port,
    pid,
    [Symbol.asyncDispose]: () => Promise.resolve(Deno.kill(pid, "SIGTERM")),
  };
}

function nginxConfig(
  directory: string,
  { address, port, registry, storage, certificate }: FrontSettings & { port: number },
): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const passOn = `proxy_pass http://${registry}; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https; proxy_request_buffering off; proxy_buffering off;`;
  return `daemon on; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log; user root;
events {}
http {
  access_log off; sendfile on; client_max_body_size 0;
  ${temporary.map((each) => `${each}_temp_path ${directory};`).join(" ")}
  server {
    listen ${address}:${port} ssl http2;
    ssl_certificate ${certificate.certificatePath}; ssl_certificate_key ${certificate.keyPath};
    root ${storage}/docker/registry/v2/blobs/sha256;
    location ~ "^/v2/.+/blobs/sha256:(?<start>..)(?<rest>[0-9a-f]{62})$" {
      default_type application/octet-stream; add_header Docker-Content-Digest sha256:$start$rest;
      try_files /$start/$start$rest/data @registry;
    }
    location / { ${passOn} }
    location @registry { ${passOn} }
  }
}
`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
