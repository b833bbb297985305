/** One HTTP request and its answer: TLS, proxies, and bodies whose length must be told. @module */
import type http from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { namesProxy, proxyOf, type Scheme } from "./proxies.ts";

/** A body that streams. With `size` it goes out with a `Content-Length`, without in chunks of HTTP/1.1. */
export interface StreamBody {
  /** The bytes; exactly `size`, where that is given. */
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The number of bytes. */
  size: number | undefined;
}

/** One request. */
export interface HttpRequest {
  /** `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`. */
  method: string;
  /** Where to. */
  url: URL;
  /** What to say. */
  headers: Headers;
  /** What to send. */
  body?: Uint8Array<ArrayBuffer> | StreamBody | undefined;
  /** Ends the request. */
  signal?: AbortSignal | undefined;
}

/** Sends requests. It follows no redirect, retries nothing, and rejects only when there is no answer. */
export interface Transport {
  /** Sends one request and gives its answer when the headers are there. */
  send(request: HttpRequest): Promise<Response>;
  /** Closes idle connections. It may be called again. */
  close(): void;
}

/** How connections are made. */
export interface TransportOptions {
  /** Certificates of authorities to trust beside the system's, as PEM text. */
  caCerts?: string[] | undefined;
  /** Takes any certificate: whoever is on the line can then read and change everything. */
  insecureSkipTlsVerify?: boolean | undefined;
  /**
   * The environment's variables, of which `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, in either
   * case. Absent = what is sent goes no detour; what is read goes as Deno's `fetch` finds it in the environment.
   */
  proxyEnv?: Record<string, string | undefined> | undefined;
}

/**
 * Makes a transport: `fetch` for what reads, `node:http` for what sends. For Deno's `fetch` cannot tell the length
 * of a stream, cannot leave certificates unchecked, and sends a request again by itself when a connection that it
 * had used before breaks: a part of a blob would arrive twice.
 */
export function openTransport(options: TransportOptions = {}): Transport {
  const { caCerts, insecureSkipTlsVerify, proxyEnv = {} } = options;
  const clients = new Map<string | undefined, Deno.HttpClient>();
  let node: Promise<NodeTransport> | undefined;
  const clientFor = (proxy: string | undefined) => {
    const client = clients.get(proxy) ?? createClient(caCerts, proxy);
    clients.set(proxy, client);
    return client;
  };
  return {
    async send(request) {
      const proxy = proxyOf(request.url, proxyEnv);
      // What the variables except from the proxy is not left to fetch, which reads them in a way of its own.
      const excepted = proxy === undefined && namesProxy(proxyEnv);
      if (!insecureSkipTlsVerify && !excepted && READS.has(request.method)) {
        return await overFetch(clientFor(proxy), request);
      }
      return await (await (node ??= NodeTransport.load(options))).send(request);
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
      node?.then((transport) => transport.close(), () => {});
      node = undefined;
    },
  };
}

function createClient(caCerts: string[] | undefined, proxy: string | undefined): Deno.HttpClient {
  const trust = caCerts ? { caCerts } : {};
  if (proxy === undefined) return Deno.createHttpClient(trust);
  const { username, password, href } = new URL(proxy);
  const basicAuth = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  const url = href.replace(/\/\/[^@/]*@/, "//");
  return Deno.createHttpClient({
    ...trust,
    proxy: { transport: "http", url, ...(username && { basicAuth }) },
  });
}

const READS = new Set(["GET", "HEAD"]);

function overFetch(
  client: Deno.HttpClient,
  { method, url, headers, signal }: HttpRequest,
): Promise<Response> {
  return fetch(url, { method, headers, signal: signal ?? null, redirect: "manual", client });
}

/** The system's authorities; none where this program may not look at them (`--allow-sys`). */
function authoritiesOf(tls: typeof import("node:tls")): string[] {
  try {
    return tls.getCACertificates("default");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

class NodeTransport {
  readonly #modules: { "http:": typeof http; "https:": typeof import("node:https") };
  /** By scheme and proxy. */
  readonly #agents: Map<string, http.Agent> = new Map();
  readonly #options: TransportOptions;

  static async load(options: TransportOptions): Promise<NodeTransport> {
    const [plain, secure, tls] = await Promise.all([
      import("node:http"),
      import("node:https"),
      import("node:tls"),
    ]);
    const { caCerts, ...others } = options;
    // For node:tls, the authorities that are named take the place of the system's.
    const all = caCerts && [...authoritiesOf(tls.default), ...caCerts];
    return new NodeTransport(plain.default, secure.default, { ...others, caCerts: all });
  }

  constructor(plain: typeof http, secure: typeof import("node:https"), options: TransportOptions) {
    this.#options = options;
    this.#modules = { "http:": plain, "https:": secure };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  send(request: HttpRequest): Promise<Response> {
    const scheme = request.url.protocol as Scheme;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const outgoing = this.#modules[scheme].request(request.url, {
      method: request.method,
      headers: { ...Object.fromEntries(request.headers), ...lengthHeader(request) },
      agent: this.#agentFor(request.url),
      signal: request.signal,
      ...(scheme === "https:" && this.#trust()),
    });
    const body = request.body instanceof Uint8Array ? new Response(request.body).body : request.body?.stream;
    const sending = new AbortController();
    outgoing.on("response", (incoming) => {
      sending.abort();
      // A connection whose request did not end serves no other; but the answer is read first.
      incoming.once("end", () => outgoing.writableEnded || outgoing.destroy());
      resolve(toResponse(request.method, incoming));
    });
    outgoing.on("error", (error) => {
      sending.abort();
      reject(request.signal?.aborted ? request.signal.reason : error);
    });
    sendBody(outgoing, body ?? undefined, sending.signal).catch((error) => {
      reject(error);
      outgoing.destroy();
    });
    return promise;
  }

  #agentFor(url: URL): http.Agent {
    const scheme = url.protocol as Scheme;
    const proxy = proxyOf(url, this.#options.proxyEnv ?? {});
    const key = `${scheme} ${proxy ?? ""}`;
    const settings = { keepAlive: true, proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } };
    const agent = this.#agents.get(key) ?? new this.#modules[scheme].Agent(settings);
    this.#agents.set(key, agent);
    return agent;
  }

  #trust() {
    const { caCerts, insecureSkipTlsVerify } = this.#options;
    return { rejectUnauthorized: !insecureSkipTlsVerify, ...(caCerts && { ca: caCerts }) };
  }
}

function lengthHeader({ method, body }: HttpRequest): Record<string, string> {
  if (body === undefined) return READS.has(method) ? {} : { "content-length": "0" };
  const size = body instanceof Uint8Array ? body.length : body.size;
  return size === undefined ? {} : { "content-length": String(size) };
}

/** Sends the body piece by piece, as fast as the socket takes it, until the end or until the answer is there. */
async function sendBody(
  outgoing: http.ClientRequest,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined,
  answered: AbortSignal,
): Promise<void> {
  for await (const piece of body ?? []) {
    if (answered.aborted) return;
    if (!outgoing.write(piece)) await drained(outgoing, answered);
  }
  outgoing.end();
}

function drained(outgoing: http.ClientRequest, answered: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  outgoing.once("drain", resolve);
  answered.addEventListener("abort", () => resolve(), { once: true });
  if (answered.aborted) resolve();
  return promise;
}

function toResponse(method: string, incoming: http.IncomingMessage): Response {
  const status = incoming.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const empty = method === "HEAD" || status === 204 || status === 205 || status === 304;
  if (empty) incoming.resume();
  const body = empty ? null : Readable.toWeb(incoming) as
    & NodeReadableStream
    & ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(body, { status, headers });
}
