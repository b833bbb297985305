/** The server of `layerstash serve` inside the test's process, on a free port of this machine. @module */
import { openServed } from "../../lib/open/open_served.ts";
import { guarded, type GuardOptions } from "../../lib/serve/guard.ts";
import { serveHandler } from "../../lib/serve/handler.ts";
import { listen, type ListenOptions } from "../../lib/serve/listener.ts";
import type { Exchanged } from "../../lib/serve/node_exchange.ts";
import type { ServeOptions } from "../../lib/serve/part.ts";

/** How the server differs from one that is started without options. */
export interface ServedOptions
  extends ServeOptions, GuardOptions, Pick<Partial<ListenOptions>, "limits" | "tls"> {}

/** A running server. */
export interface Served extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  /** The requests that are over, oldest first. */
  readonly exchanges: readonly Exchanged[];
  /** Begins to stop, as a signal of the system makes it. */
  stop(): void;
  /** Settles when it has stopped. */
  readonly finished: Promise<void>;
}

/** Starts a server of directories and repositories. */
export async function startServer(
  addresses: readonly string[],
  { limits, tls, ...options }: ServedOptions = {},
): Promise<Served> {
  const repositories = openServed(addresses);
  const stopping = new AbortController();
  const exchanges: Exchanged[] = [];
  const { url, finished } = await listen(guarded(serveHandler(repositories, options), options), {
    hostname: "127.0.0.1",
    port: 0,
    signal: stopping.signal,
    limits,
    tls,
    onExchange: (exchanged) => exchanges.push(exchanged),
  });
  const { host, port } = new URL(url);
  return {
    url: url.replace(/\/$/, ""),
    host,
    port: Number(port),
    exchanges,
    finished,
    stop: () => stopping.abort(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await finished;
      repositories[Symbol.dispose]();
    },
  };
}
