/** Listens for HTTP requests on an address of this machine, until it is told to stop. @module */
import type http from "node:http";
import type { AddressInfo } from "node:net";
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { Connections } from "./connections.ts";
import { answerNode, type Exchanged } from "./node_exchange.ts";

/** Where a server listens. */
export interface ListenAddress {
  /** Such as `127.0.0.1` or `::1`. */
  hostname: string;
  /** 0 = any that is free. */
  port: number;
}

/** How a server listens. */
export interface ListenOptions extends ListenAddress {
  /** Stops the server: it takes no more connections, and answers the requests that it has. */
  signal: AbortSignal;
  /** The certificate, with those above it, and its key, in PEM; absent = plain http. */
  tls?: { cert: string; key: string } | undefined;
  /** Is told of each request when it is over. */
  onExchange?: ((exchanged: Exchanged) => void) | undefined;
  /** How long clients may take, and how many there may be, where it is not the usual. */
  limits?: Partial<ListenLimits> | undefined;
}

/** How much clients may ask of a server. Times are in milliseconds. */
export interface ListenLimits {
  /** How many connections are open at once; others are closed at once. */
  connections: number;
  /** The size of all headers of a request, in bytes. */
  headerBytes: number;
  /** How long the headers of a request may take, and how long a handshake of TLS. */
  headerTime: number;
  /** How long a client may send nothing of a body, and take nothing of an answer. */
  silence: number;
  /** How long a connection is kept for the next request. */
  idle: number;
}

/** The usual limits. An idle connection outlives those of nginx (60 s), which would else meet a closed one. */
const LIMITS: ListenLimits = {
  connections: 1024,
  headerBytes: 32 * 1024,
  headerTime: 20_000,
  silence: 60_000,
  idle: 75_000,
};

/** A server that listens. */
export interface Listener {
  /** Where to reach it: `http://127.0.0.1:5000/`. */
  readonly url: string;
  /** Settles when the server has stopped, and every request is answered. */
  readonly finished: Promise<void>;
}

/**
 * Reads where to listen: `HOST:PORT`, `[::1]:PORT`, or a port alone, which means loopback. `:PORT` means all addresses.
 *
 * @throws {InvalidInputError} if it is not such a text
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, version6, host, port = ""] = /^(?:\[([0-9a-f:.]+)\]:|([\w.-]+):|:)?(\d{1,5})$/i.exec(text) ?? [];
  const hostname = version6 ?? host ?? (text.startsWith(":") ? "0.0.0.0" : "127.0.0.1");
  if (port !== "" && Number(port) < 65536) return { hostname, port: Number(port) };
  throw new InvalidInputError(`${quoted(text)} is not an address to listen on`, {
    hint: "use HOST:PORT, such as 127.0.0.1:5000",
  });
}

/** A name or an address as the host of a URL: addresses of IPv6 stand in brackets there. */
export function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/**
 * Begins to listen.
 *
 * @throws {LayerstashError} if nobody may listen there, or somebody does
 */
export async function listen(
  handler: (request: Request) => Promise<Response>,
  options: ListenOptions,
): Promise<Listener> {
  const limits = { ...LIMITS, ...options.limits };
  const side = { isSecure: options.tls !== undefined, silence: limits.silence };
  const running = new Set<Promise<void>>();
  const server = await makeServer({ ...options, limits });
  const connections = new Connections(server);
  server.on("request", (request, response) => {
    const answer = () => answerNode(handler, { request, response, ...side }, options.onExchange);
    const exchange = connections.answer(request, response, answer);
    running.add(exchange);
    void exchange.finally(() => running.delete(exchange));
  });
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.on("close", resolve);
  const host = urlHost(options.hostname);
  try {
    await listening(server, options);
  } catch (cause) {
    throw listenError(cause, options);
  }
  const stop = () => {
    server.close();
    connections.end();
  };
  if (options.signal.aborted) stop();
  else options.signal.addEventListener("abort", stop, { once: true });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? "https" : "http"}://${host}:${port}/`,
    finished: closed.then(() => endOf(running)),
  };
}

/** Waits for work that goes on although its client has gone. */
async function endOf(running: ReadonlySet<Promise<void>>): Promise<void> {
  await Promise.allSettled(running);
}

async function makeServer(
  { tls, limits }: ListenOptions & { limits: ListenLimits },
): Promise<http.Server> {
  const { connections, headerBytes, headerTime, idle } = limits;
  const common = {
    maxHeaderSize: headerBytes,
    headersTimeout: headerTime,
    requestTimeout: 0, // a large body takes its time: silence is what counts
    keepAliveTimeout: idle,
    connectionsCheckingInterval: Math.min(headerTime, 5000),
  };
  const server = tls
    ? (await import("node:https")).default.createServer({ ...common, ...tls, handshakeTimeout: headerTime })
    : (await import("node:http")).default.createServer(common);
  server.maxConnections = connections;
  return server;
}

async function listening(server: http.Server, { hostname, port }: ListenAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, hostname, resolve);
  await promise;
  server.off("error", reject);
}

function listenError(cause: unknown, { hostname, port }: ListenAddress): LayerstashError {
  const { code, message } = cause as { code?: string; message: string };
  const host = urlHost(hostname);
  const failed = (reason: string, hint?: string) =>
    new LayerstashError(`${host}:${port}: ${reason}`, { hint, cause });
  if (code === "EACCES") return failed("this user may not listen there");
  if (code !== "EADDRINUSE") return failed(message);
  const other = port === 5000 ? 5001 : 5000;
  return failed("another program listens there", `choose another port, as in --listen ${host}:${other}`);
}
