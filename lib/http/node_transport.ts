/** Requests whose bodies stream, over `node:http`: it sends the length of a stream, and nothing twice. @module */
import type http from "node:http";
import type { Socket } from "node:net";
import { once } from "node:events";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { RegistryError } from "../errors.ts";
import { proxyOf, type Scheme } from "./proxies.ts";
import type { RateLimit } from "./rate_limit.ts";
import { inTime, type Timeouts } from "./timeouts.ts";
import type { ConnectionOptions, HttpRequest } from "./request.ts";
import type { ByteStream } from "../content/bytes.ts";
import { silence, type Watch, watched } from "./watched_body.ts";

/** The certificate authorities of the system; none if this program may not read them (`--allow-sys`). */
function authoritiesOf(tls: typeof import("node:tls")): string[] {
  try {
    return tls.getCACertificates("default");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/**
 * After how many milliseconds of silence the system probes a connection. Routers forget connections that are silent for
 * minutes (Azure: four), and a registry may take longer to commit an upload.
 */
const KEEP_ALIVE = 30_000;

/** Requests over `node:http`, with one agent for each scheme and proxy. */
export class NodeTransport {
  readonly #modules: { "http:": typeof http; "https:": typeof import("node:https") };
  /** The agents, by scheme and proxy. */
  readonly #agents: Map<string, http.Agent> = new Map();
  readonly #options: ConnectionOptions;

  static async load(options: ConnectionOptions): Promise<NodeTransport> {
    const [plain, secure, tls] = await Promise.all([
      import("node:http"),
      import("node:https"),
      import("node:tls"),
    ]);
    const { caCerts, ...others } = options;
    // In node:tls the given authorities replace the system's, so both are given.
    const all = caCerts && [...authoritiesOf(tls.default), ...caCerts];
    return new NodeTransport(plain.default, secure.default, { ...others, caCerts: all });
  }

  constructor(plain: typeof http, secure: typeof import("node:https"), options: ConnectionOptions) {
    this.#options = options;
    this.#modules = { "http:": plain, "https:": secure };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async send(request: HttpRequest): Promise<Response> {
    const { url, signal } = request;
    const { timeouts, limit } = this.#options;
    signal?.throwIfAborted();
    const agent = this.#agentFor(url);
    const outgoing = this.#open(request, agent);
    const answer = Promise.withResolvers<Response>();
    const over = new AbortController();
    const fail = (error: unknown) => {
      over.abort(OVER);
      answer.reject(error);
      outgoing.destroy();
    };
    onAbort(signal, outgoing, fail);
    const giveUp = (error: RegistryError) => {
      for (const sockets of Object.values(agent.freeSockets)) sockets?.forEach((socket) => socket.destroy());
      return error;
    };
    outgoing.on("response", (incoming) => {
      over.abort(OVER);
      // A connection whose request did not end cannot be used again. It is closed when the answer was read.
      incoming.once("end", () => outgoing.writableEnded || outgoing.destroy());
      const respond = () =>
        answer.resolve(toResponse(incoming, { request, milliseconds: timeouts.stall, giveUp, limit }));
      // Nobody reads an empty body; without this its connection would not be used again.
      if (isEmpty(incoming, request)) incoming.once("close", respond).resume();
      else respond();
    });
    outgoing.on("error", fail);
    onLoss(outgoing, () => fail(new Error("the connection was closed before there was an answer")));
    sendBody(outgoing, request, { timeouts, limit, giveUp, over: over.signal }).catch(fail);
    return await answer.promise;
  }

  #open(request: HttpRequest, agent: http.Agent): http.ClientRequest {
    const scheme = request.url.protocol as Scheme;
    return this.#modules[scheme].request(request.url, {
      method: request.method,
      headers: { ...Object.fromEntries(request.headers), ...lengthHeader(request) },
      agent,
      ...(scheme === "https:" && this.#trust()),
    });
  }

  #agentFor(url: URL): http.Agent {
    const scheme = url.protocol as Scheme;
    const proxy = proxyOf(url, this.#options.proxyEnv ?? {});
    const key = `${scheme} ${proxy ?? ""}`;
    const settings = {
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE,
      proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy },
    };
    const agent = this.#agents.get(key) ?? new this.#modules[scheme].Agent(settings);
    this.#agents.set(key, agent);
    return agent;
  }

  #trust() {
    const { caCerts, insecureSkipTlsVerify } = this.#options;
    return { rejectUnauthorized: !insecureSkipTlsVerify, ...(caCerts && { ca: caCerts }) };
  }
}

/** Ends a request with its signal. `node:http` by itself may wait for the rest of the body. */
function onAbort(
  signal: AbortSignal | undefined,
  outgoing: http.ClientRequest,
  end: (reason: unknown) => void,
): void {
  const stop = () => end(signal?.reason);
  signal?.addEventListener("abort", stop);
  outgoing.once("close", () => signal?.removeEventListener("abort", stop));
}

/** Calls back if a connection ends before the answer. For a reused one Deno's `node:http` raises no error. */
function onLoss(outgoing: http.ClientRequest, lost: () => void): void {
  outgoing.once("socket", (socket) => {
    socket.once("close", lost);
    outgoing.once("response", () => socket.off("close", lost));
  });
}

/** The methods that only read. */
const READS = new Set(["GET", "HEAD"]);

function lengthHeader({ method, body }: HttpRequest): Record<string, string> {
  if (body === undefined) return READS.has(method) ? {} : { "content-length": "0" };
  const size = body instanceof Uint8Array ? body.length : body.size;
  return size === undefined ? {} : { "content-length": String(size) };
}

/** How much is written at once, in bytes: even a very slow connection takes that before it counts as stalled. */
const SLICE = 256 * 1024;

/** The reason to stop sending. It is made once, because an abort without a reason makes an error each time. */
const OVER = "there is an answer or an error";

/** How long the steps of a request may take, and who ends it. */
interface BodyTimes {
  timeouts: Timeouts;
  limit: RateLimit | undefined;
  /** Called with the error when the connection fell silent. */
  giveUp: (error: RegistryError) => RegistryError;
  /** Aborted at an answer or an error: nothing more is to be sent. */
  over: AbortSignal;
}

/** Sends the body as fast as the socket takes it, and waits for the answer. It throws if either takes too long. */
async function sendBody(
  outgoing: http.ClientRequest,
  request: HttpRequest,
  { timeouts, limit, giveUp, over }: BodyTimes,
): Promise<void> {
  const { host } = request.url;
  const wait = <T>(waiting: Promise<T>, limit: keyof Timeouts, what: string) => {
    const late = () => giveUp(silence(what, request, timeouts[limit]));
    return inTime(waiting, { milliseconds: timeouts[limit], late, signal: over });
  };
  try {
    await wait(connected(outgoing), "connect", `there was no connection to ${host}`);
    for await (const slice of slicesOf(request.body, Math.min(SLICE, limit?.piece ?? SLICE))) {
      await limit?.take(slice.length, over);
      if (over.aborted) return;
      await wait(written(outgoing, slice), "stall", `nothing went out to ${host}`);
    }
    outgoing.end();
    if (!outgoing.writableFinished) {
      await wait(once(outgoing, "finish"), "stall", `nothing went out to ${host}`);
    }
    const until = new Promise<never>(() => {}); // `over` ends the wait when the answer comes
    await wait(until, request.answerWithin ?? "answer", `no answer came from ${host}`);
  } catch (error) {
    if (!over.aborted) throw error;
  } finally {
    letGo(request.body);
  }
}

/** Cancels a stream that was not read, so that its source is closed. */
function letGo(body: HttpRequest["body"]): void {
  if (body && !(body instanceof Uint8Array) && !body.stream.locked) body.stream.cancel().catch(() => {});
}

/** Resolves when the connection is made, with its TLS handshake. */
async function connected(outgoing: http.ClientRequest): Promise<void> {
  const socket: Socket & { secureConnecting?: boolean } = outgoing.socket ??
    (await once(outgoing, "socket"))[0];
  if (socket.secureConnecting) await once(socket, "secureConnect");
  else if (socket.connecting) await once(socket, "connect");
}

/** Writes bytes, and resolves when the system has them: their buffer may be used again then. */
function written(outgoing: http.ClientRequest, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(bytes, (error) => error ? reject(error) : resolve());
  });
}

/** The body in slices. Leaving the loop cancels its stream. */
async function* slicesOf(
  body: HttpRequest["body"],
  most: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const piece of body instanceof Uint8Array ? [body] : body?.stream ?? []) {
    for (let start = 0; start < piece.length; start += most) yield piece.subarray(start, start + most);
  }
}

function toResponse(incoming: http.IncomingMessage, watch: Watch): Response {
  const status = incoming.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  if (isEmpty(incoming, watch.request)) return new Response(null, { status, headers });
  const { Readable } = globalThis.process.getBuiltinModule("node:stream");
  const body = Readable.toWeb(incoming) as NodeReadableStream & ByteStream;
  return new Response(watched(body, watch), { status, headers });
}

function isEmpty({ statusCode = 0, headers }: http.IncomingMessage, { method }: HttpRequest): boolean {
  return method === "HEAD" || [204, 205, 304].includes(statusCode) || headers["content-length"] === "0";
}
