/** Requests that read, and those that send a little from memory, over Deno's `fetch`. @module */
import type { RegistryError } from "../errors.ts";
import { inTime } from "./timeouts.ts";
import type { ConnectionOptions, HttpRequest } from "./request.ts";
import { silence, watched } from "./watched_body.ts";

/** Deno's `fetch`, with one client for each proxy. */
export class FetchTransport {
  readonly #options: ConnectionOptions;
  readonly #clients: Map<string | undefined, Deno.HttpClient> = new Map();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  async send(request: HttpRequest, proxy: string | undefined): Promise<Response> {
    const { method, url, headers, body, signal } = request;
    const { timeouts, limit } = this.#options;
    const bytes = body instanceof Uint8Array ? body : undefined;
    if (bytes) await limit?.take(bytes.length, signal);
    const client = this.#clientFor(proxy);
    const silent = new AbortController();
    const giveUp = (error: RegistryError) => {
      silent.abort(error);
      this.#forget(client, proxy);
      return error;
    };
    const milliseconds = timeouts[request.answerWithin ?? "answer"];
    const late = () => giveUp(silence(`no answer came from ${url.host}`, request, milliseconds));
    const options = { method, headers, redirect: "manual" as const, client, ...(bytes && { body: bytes }) };
    const fetching = fetch(url, { ...options, signal: silent.signal });
    const response = await inTime(fetching, { milliseconds, late, signal }).catch((error) => {
      silent.abort(error); // also if it was the signal that ended the wait
      throw error;
    });
    if (!response.body) return response;
    const watchedBody = watched(response.body, { request, milliseconds: timeouts.stall, giveUp, limit });
    return new Response(watchedBody, response);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientFor(proxy: string | undefined): Deno.HttpClient {
    const client = this.#clients.get(proxy) ?? createClient(this.#options.caCerts, proxy);
    this.#clients.set(proxy, client);
    return client;
  }

  /** Closes all connections: after a sleep or a change of networks they are as dead as the one that fell silent. */
  #forget(client: Deno.HttpClient, proxy: string | undefined): void {
    if (this.#clients.get(proxy) !== client) return;
    this.#clients.delete(proxy);
    client.close();
  }
}

function createClient(caCerts: string[] | undefined, proxy: string | undefined): Deno.HttpClient {
  // HTTP/1.1 alone: over HTTP/2 all requests would share one connection, and its small window.
  const common = { http2: false, ...(caCerts && { caCerts }) };
  if (proxy === undefined) return Deno.createHttpClient(common);
  const { username, password, href } = new URL(proxy);
  const basicAuth = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  const url = href.replace(/\/\/[^@/]*@/, "//");
  return Deno.createHttpClient({
    ...common,
    proxy: { transport: "http", url, ...(username && { basicAuth }) },
  });
}
