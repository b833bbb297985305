/** One HTTP request and its answer: TLS, proxies, and bodies whose length must be told. @module */
import type http from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

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
  /** Closes idle connections. */
  close(): void;
}

/** How connections are made. */
export interface TransportOptions {
  /** Certificates of authorities to trust beside the system's, as PEM text. */
  caCerts?: string[] | undefined;
  /** Takes any certificate: whoever is on the line can then read and change everything. */
  insecureSkipTlsVerify?: boolean | undefined;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case, as in the environment. */
  proxyEnv?: Record<string, string | undefined> | undefined;
}

/**
 * Makes a transport. `fetch` serves for all but two things that it cannot do: a stream whose length is told, and
 * certificates that are not checked; for these it is `node:http`.
 */
export function openTransport(options: TransportOptions = {}): Transport {
  const client = Deno.createHttpClient(options.caCerts ? { caCerts: options.caCerts } : {});
  let node: Promise<NodeTransport> | undefined;
  const overNode = async (request: HttpRequest) =>
    (await (node ??= NodeTransport.load(options))).send(request);
  return {
    send: (request) =>
      options.insecureSkipTlsVerify || needsLength(request.body)
        ? overNode(request)
        : overFetch(client, request),
    close() {
      client.close();
      node?.then((transport) => transport.close());
    },
  };
}

function needsLength(body: HttpRequest["body"]): boolean {
  return body !== undefined && !(body instanceof Uint8Array) && body.size !== undefined;
}

function overFetch(
  client: Deno.HttpClient,
  { method, url, headers, body, signal }: HttpRequest,
): Promise<Response> {
  const content = body === undefined || body instanceof Uint8Array ? body : body.stream;
  return fetch(url, {
    method,
    headers,
    body: content ?? null,
    signal: signal ?? null,
    redirect: "manual",
    client,
  });
}

class NodeTransport {
  readonly #modules: { "http:": typeof http; "https:": typeof import("node:https") };
  readonly #agents: { "http:": http.Agent; "https:": http.Agent };
  readonly #options: TransportOptions;

  static async load(options: TransportOptions): Promise<NodeTransport> {
    const [plain, secure] = await Promise.all([import("node:http"), import("node:https")]);
    return new NodeTransport(plain.default, secure.default, options);
  }

  constructor(plain: typeof http, secure: typeof import("node:https"), options: TransportOptions) {
    this.#options = options;
    this.#modules = { "http:": plain, "https:": secure };
    const settings = { keepAlive: true, ...(options.proxyEnv && { proxyEnv: options.proxyEnv }) };
    this.#agents = { "http:": new plain.Agent(settings), "https:": new secure.Agent(settings) };
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  send(request: HttpRequest): Promise<Response> {
    const scheme = request.url.protocol as "http:" | "https:";
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const outgoing = this.#modules[scheme].request(request.url, {
      method: request.method,
      headers: { ...Object.fromEntries(request.headers), ...lengthHeader(request.body) },
      agent: this.#agents[scheme],
      signal: request.signal,
      ...(scheme === "https:" && this.#trust()),
    });
    const body = request.body instanceof Uint8Array ? new Response(request.body).body : request.body?.stream;
    const sending = new AbortController();
    outgoing.on("response", (incoming) => {
      sending.abort();
      resolve(toResponse(incoming));
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

  #trust() {
    const { caCerts, insecureSkipTlsVerify } = this.#options;
    return { rejectUnauthorized: !insecureSkipTlsVerify, ...(caCerts && { ca: caCerts }) };
  }
}

function lengthHeader(body: HttpRequest["body"]): Record<string, string> {
  if (body === undefined) return { "content-length": "0" };
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
    if (answered.aborted) return void outgoing.destroy();
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

function toResponse(incoming: http.IncomingMessage): Response {
  const status = incoming.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const empty = status === 204 || status === 205 || status === 304;
  if (empty) incoming.resume();
  const body = empty
    ? null
    : Readable.toWeb(incoming) as NodeReadableStream & ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(body, { status, headers });
}
