/** The servers of the benchmark, each in a process of its own, so that none of them slows the others. @module */
import { join } from "node:path";
import { commandWords } from "../rigs/command_line.ts";

/** A server that runs until it is disposed of. */
export interface Server extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
}

/** Runs a file of this folder, which prints its port first. */
export async function startServer(file: string, ...args: string[]): Promise<Server> {
  const [deno = "deno"] = commandWords([]);
  const path = join(import.meta.dirname!, file);
  const command = new Deno.Command(deno, { args: ["run", "-A", "--frozen", path, ...args], stdout: "piped" });
  const child = command.spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`${file} did not start`);
    line += value;
  }
  return { host: `127.0.0.1:${line.trim()}`, [Symbol.asyncDispose]: () => end(child, reader.cancel()) };
}

/** Serves a directory as it is, over nginx. */
export async function startNginx(directory: string): Promise<Server> {
  const port = freePort();
  const config = join(directory, "nginx.conf");
  await Deno.writeTextFile(
    config,
    `daemon off; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log;
     user root;
     events { worker_connections 64; }
     http {
       access_log off; sendfile on; default_type application/octet-stream;
       client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
       uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
       server {
         listen 127.0.0.1:${port}; root ${directory};
         location ~ /manifests/ { default_type application/vnd.docker.distribution.manifest.v2+json; }
       }
     }`,
  );
  const child = new Deno.Command("nginx", { args: ["-c", config, "-e", `${directory}/nginx.log`] }).spawn();
  const host = `127.0.0.1:${port}`;
  while (!await Deno.connect({ hostname: "127.0.0.1", port }).then((it) => (it.close(), true), () => false));
  return { host, [Symbol.asyncDispose]: () => end(child, Promise.resolve()) };
}

async function end(child: Deno.ChildProcess, output: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  await Promise.all([child.status, output.catch(() => {})]);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
