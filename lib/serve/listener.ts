/** Listens for HTTP requests on an address of this machine, until it is told to stop. @module */
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { quoted } from "../messages.ts";

/** Where a server listens. */
export interface ListenAddress {
  /** Such as `127.0.0.1` or `::1`. */
  hostname: string;
  /** 0 = any that is free. */
  port: number;
}

/** A server that listens. */
export interface Listener {
  /** Where to reach it: `http://127.0.0.1:5000/`. */
  readonly url: string;
  /** Settles when the server has stopped, and every request is answered. */
  readonly finished: Promise<void>;
}

/**
 * Reads where to listen: `HOST:PORT`, `[::1]:PORT`, `:PORT` or a port alone, which means loopback.
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

/**
 * Begins to listen.
 *
 * @param signal stops the server: it takes no more connections, and answers the requests that it has
 * @throws {LayerstashError} if nobody may listen there, or somebody does
 */
export function listen(
  handler: (request: Request) => Promise<Response>,
  { hostname, port, signal }: ListenAddress & { signal: AbortSignal },
): Listener {
  try {
    const server = Deno.serve({ hostname, port, signal, onListen: () => {} }, handler);
    const { hostname: own, port: found } = server.addr as Deno.NetAddr;
    const host = own.includes(":") ? `[${own}]` : own;
    return { url: `http://${host}:${found}/`, finished: server.finished };
  } catch (cause) {
    const reason = cause instanceof Deno.errors.AddrInUse ? "another program listens there" : `${cause}`;
    throw new LayerstashError(`${hostname}:${port}: ${reason}`, { cause });
  }
}
