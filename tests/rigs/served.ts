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
  /** Waits until so many requests are over, and gives them, oldest first; only those with a method, if it is given. */
  exchanged(count: number, method?: string): Promise<Exchanged[]>;
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
  const exchanges = new Exchanges();
  const { url, finished } = await listen(guarded(serveHandler(repositories, options), options), {
    hostname: "127.0.0.1",
    port: 0,
    signal: stopping.signal,
    limits,
    tls,
    onExchange: (exchanged) => exchanges.add(exchanged),
  });
  const { host, port } = new URL(url);
  return {
    url: url.replace(/\/$/, ""),
    host,
    port: Number(port),
    exchanged: (count, method) => exchanges.atLeast(count, method),
    finished,
    stop: () => stopping.abort(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await finished;
      repositories[Symbol.dispose]();
    },
  };
}

/** The requests that are over. */
class Exchanges {
  readonly #all: Exchanged[] = [];
  #next: PromiseWithResolvers<void> = Promise.withResolvers();

  add(exchanged: Exchanged): void {
    this.#all.push(exchanged);
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  async atLeast(count: number, method: string | undefined): Promise<Exchanged[]> {
    for (;;) {
      const found = this.#all.filter((each) => method === undefined || each.method === method);
      if (found.length >= count) return found;
      await this.#next.promise;
    }
  }
}
