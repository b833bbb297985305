/** One request and its answer, between `node:http`, which keeps the limits, and a handler of the web's kind. @module */
import type http from "node:http";
import { pieceReader } from "../content/byte_stream.ts";
import { textResponse } from "./part.ts";
import { ClientGone, inTimeOrGone, RequestBody } from "./request_body.ts";

/** The size of the buffer that an answer is sent through, in bytes. Twice as much saves a tenth of the time. */
const PIECE = 128 * 1024;

/** A request that is over, for the log and for the counters. */
export interface Exchanged {
  /** The address of the client. */
  client: string;
  method: string;
  /** The path and the query, as they were sent. */
  target: string;
  /** The status of the answer. */
  status: number;
  /** How many bytes of the answer's body went out. */
  sent: number;
  /** How many bytes of the request's body came. */
  received: number;
  /** How long it took, in milliseconds. */
  duration: number;
  /** The header `Authorization`, in which is who asked. */
  authorization: string | undefined;
  /** Why the answer broke off, or is 500, where that is not the client's doing. */
  failure?: unknown;
}

/** Both sides of an exchange, as `node:http` has them. */
interface NodeExchange {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  isSecure: boolean;
  /** How many milliseconds are waited for the client to send more, or to take more. */
  silence: number;
}

/** Counts the bytes of an answer. */
interface Counts {
  sent: number;
}

/** What sending an answer takes. */
interface Sending extends Pick<NodeExchange, "silence"> {
  counts: Counts;
}

/** Lets a handler answer a request. Its signal aborts when the client goes before it has the answer. */
export async function answerNode(
  handler: (request: Request) => Promise<Response>,
  { request, response, isSecure, silence }: NodeExchange,
  onExchange?: (exchanged: Exchanged) => void,
): Promise<void> {
  const counts: Counts = { sent: 0 };
  const begin = performance.now();
  const client = request.socket.remoteAddress ?? "-"; // a socket that was closed does not know it any more
  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort(new Error("the client has gone"));
  });
  request.on("error", () => {}); // the body's stream reports it
  let failure: unknown;
  const body = new RequestBody(request, silence);
  try {
    const asked = webRequest(request, { isSecure, signal: gone.signal, body });
    const answer = asked ? await handler(asked) : textResponse(400, "bad request");
    await send(answer, response, { counts, silence });
  } catch (error) {
    if (!gone.signal.aborted && !(error instanceof ClientGone)) failure = error;
    await sendFailure(response, { counts, silence });
  }
  const { method = "", url: target = "", headers: { authorization } } = request;
  onExchange?.({
    client,
    method,
    target,
    authorization,
    status: response.statusCode,
    duration: performance.now() - begin,
    ...counts,
    received: body.received,
    failure,
  });
  await body.drain();
}

/** The request as the web has it; `undefined` if it cannot be one. */
function webRequest(
  request: http.IncomingMessage,
  { isSecure, signal, body }: { isSecure: boolean; signal: AbortSignal; body: RequestBody },
): Request | undefined {
  const { method = "GET", headers, url: target = "/" } = request;
  const host = headers.host ?? "";
  // A server before this one, which has the certificate, says so: pages show the address by which they were asked for.
  const scheme = isSecure || headers["x-forwarded-proto"] === "https" ? "https" : "http";
  if (!target.startsWith("/") || request.headersDistinct["host"]?.length !== 1) return undefined;
  try {
    return new Request(new URL(`${scheme}://${host}${target}`), {
      method,
      headers: Object.entries(headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((each): [string, string] => [name, each])
      ),
      signal,
      ...(body.exists && { body: body.stream(), duplex: "half" }),
    });
  } catch {
    return undefined; // a host that is none, or a method that the web does not know
  }
}

/** Says that the request failed. An answer that has begun is broken off: the client must not take a part for the whole. */
async function sendFailure(response: http.ServerResponse, how: Sending): Promise<void> {
  if (response.headersSent) return void response.destroy();
  await send(textResponse(500, "the server is at fault"), response, how).catch(() => {}); // the client has gone
}

/** Sends an answer through one buffer, which is filled again when the connection has taken what is in it. */
async function send(
  { status, headers, body }: Response,
  response: http.ServerResponse,
  { counts, silence }: Sending,
): Promise<void> {
  response.writeHead(status, Object.fromEntries(headers));
  const pieces = body && pieceReader(body, bufferSize(headers));
  try {
    for (;;) {
      const { done, value } = await pieces?.read() ?? { done: true };
      if (done || !value) break;
      requireLength(headers, counts.sent + value.length, { isWhole: false });
      counts.sent += value.length;
      await inTimeOrGone(taken(response, (done) => response.write(value, done)), response.req, silence);
    }
    if (body) requireLength(headers, counts.sent, { isWhole: true });
    if (response.destroyed) return;
    await inTimeOrGone(taken(response, (done) => response.end(done)), response.req, silence);
  } finally {
    pieces?.cancel().catch(() => {}); // what is not wanted any more is not read; of a finished one nothing is left
  }
}

function bufferSize(headers: Headers): number {
  return Math.max(1, Math.min(PIECE, Number(headers.get("content-length") ?? PIECE)));
}

/**
 * Makes sure that as many bytes go out as were announced. Of a shorter answer, the client would take the next one for the
 * rest; and what is too much it would take for the next answer, which another registry could forge so.
 */
function requireLength(headers: Headers, bytes: number, { isWhole }: { isWhole: boolean }): void {
  const announced = headers.get("content-length");
  if (announced === null || bytes === Number(announced) || !isWhole && bytes < Number(announced)) return;
  throw new Error(`the answer has ${bytes} bytes, and ${announced} were announced`);
}

/** Waits until the connection has taken what is given to it. */
async function taken(
  response: http.ServerResponse,
  give: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = () => reject(new ClientGone("the client has gone"));
  const { socket } = response.req; // an answer that waits for its turn does not have it yet
  socket.once("close", fail);
  try {
    if (socket.destroyed) fail();
    give((error) => error ? fail() : resolve());
    await promise;
  } finally {
    socket.off("close", fail);
  }
}
