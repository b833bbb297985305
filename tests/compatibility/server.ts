/** A server in a process of its own, on a free port of this machine. @module */
import { join } from "node:path";
import { LineReader } from "../rigs/line_reader.ts";
import type { Trial } from "./trial.ts";

/** A server that runs until it is disposed of. */
export interface RunningServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** What stands in front of every name of a repository: `` or `user/`. */
  readonly prefix: string;
  /** Variables that layerstash needs, such as the password. */
  readonly environment: Record<string, string>;
  /** Whether it has a token server. */
  readonly givesTokens: boolean;
  /** Variables that the script of `url` needs, as `NAME=VALUE`. */
  secretsOfScript?(trial: Trial): Promise<string[]>;
}

/** A server without sign-in. */
export function openServer(host: string, ...parts: readonly AsyncDisposable[]): RunningServer {
  return {
    host,
    prefix: "c/",
    environment: {},
    givesTokens: false,
    async [Symbol.asyncDispose]() {
      for (const part of parts) await part[Symbol.asyncDispose]();
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A directory that goes with the server. */
export async function ownDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "layerstash-server-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts a program that listens on a port, and waits until it does. */
export async function listenOn(
  port: number,
  [program, ...args]: [string, ...string[]],
  options: Pick<Deno.CommandOptions, "env" | "cwd"> = {},
): Promise<AsyncDisposable> {
  const child = new Deno.Command(program, {
    ...options,
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  })
    .spawn();
  const log = new LineReader();
  const ended = Promise.all([child.status, log.read(child.stderr)]);
  let isRunning = true;
  ended.then(() => isRunning = false);
  while (!await answers(port)) {
    if (!isRunning) throw new Error(`${program} ended: ${log.lines.slice(-5).join("\n")}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      if (isRunning) child.kill("SIGTERM");
      await ended;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return false;
  }
}

/** Puts nginx in front of a server: bodies have a limit, and are passed on as they come. */
export async function behindNginx(host: string, bodyLimit: string): Promise<RunningServer> {
  const directory = await ownDirectory();
  const port = freePort();
  const config = join(directory.path, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await Deno.writeTextFile(
    config,
    `daemon off; pid ${directory.path}/nginx.pid; error_log ${directory.path}/nginx.log; user root;
     events {}
     http {
       access_log off; client_max_body_size ${bodyLimit};
       ${temporary.map((each) => `${each}_temp_path ${directory.path};`).join(" ")}
       server {
         listen 127.0.0.1:${port};
         location / {
           proxy_pass http://${host}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
           proxy_set_header Host $http_host;
         }
       }
     }`,
  );
  const nginx = await listenOn(port, ["nginx", "-c", config, "-e", `${directory.path}/nginx.log`]);
  return openServer(`127.0.0.1:${port}`, nginx, directory);
}
