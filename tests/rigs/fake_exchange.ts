/** One request to the fake registry and its answer, recorded, with every way to break off. @module */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BrokenBody } from "./fake_faults.ts";

/** Which of the fake's two servers: the registry, or the storage that it redirects to. */
export type Origin = "registry" | "storage";

/** A request that was made, and what it got. */
export interface RecordedRequest {
  /** Who was asked. */
  origin: Origin;
  /** `GET`, `PATCH` ... */
  method: string;
  /** The path. */
  path: string;
  /** What stood behind the `?`, with it. */
  search: string;
  /** All headers, by lower-case name. */
  headers: Record<string, string>;
  /** The answer's status; 0 = there was none (yet). */
  status: number;
  /** The bytes of the body that came. */
  received: number;
  /** The bytes of the body that went out. */
  sent: number;
}

/** How many bytes of a slow body come one by one. */
const TRICKLE = 20;

/** Lets a moment pass on a slow connection. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}

/** Thrown when the other side has gone, or has been cut off. */
export class ConnectionLost extends Error {}

/** One request and its answer. */
export class Exchange {
  /** What the test sees of it. */
  readonly record: RecordedRequest;
  /** The full URL. */
  readonly url: URL;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #wasRead = false;

  /** Takes what `node:http` gives, and the origin that it came to. */
  constructor(request: IncomingMessage, response: ServerResponse, to: { base: string; origin: Origin }) {
    this.#request = request;
    this.#response = response;
    this.url = new URL(request.url ?? "/", to.base);
    const { pathname: path, search } = this.url;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, `${value}`]),
    );
    const method = request.method ?? "GET";
    this.record = { origin: to.origin, method, path, search, headers, status: 0, received: 0, sent: 0 };
    // Whoever waits for the body or the socket hears of it; unheard it would end the process.
    request.on("error", () => {});
    response.on("error", () => {});
  }

  /** The method. */
  get method(): string {
    return this.record.method;
  }
  /** A header of the request. */
  header(name: string): string | undefined {
    return this.record.headers[name];
  }
  /** One value of the query. */
  query(name: string): string | undefined {
    return this.url.searchParams.get(name) ?? undefined;
  }
  /** Whether the answer has begun. */
  get answered(): boolean {
    return this.#response.headersSent;
  }
  /** Whether there is nobody left to answer. */
  get lost(): boolean {
    return this.#response.destroyed || this.#request.socket.destroyed;
  }

  /**
   * Reads the body piece by piece. What comes after the answer is read and thrown away, as nginx does.
   *
   * @throws {ConnectionLost} when it does not come whole
   */
  async read(take: (piece: Uint8Array<ArrayBuffer>) => void | Promise<void>): Promise<void> {
    if (this.#wasRead) return;
    this.#wasRead = true;
    try {
      for await (const piece of this.#request) {
        this.record.received += piece.length;
        if (!this.answered) await take(new Uint8Array(piece.buffer, piece.byteOffset, piece.length));
      }
    } catch (cause) {
      const cutOff = (cause as Error).message === "aborted" ||
        (cause as { code?: string }).code !== undefined;
      throw cutOff ? new ConnectionLost("the body was cut off", { cause }) : cause;
    }
    if (!this.#request.complete) throw new ConnectionLost("the body was cut off");
  }

  /** Reads the body in one piece. */
  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    await this.read((piece) => void pieces.push(piece));
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  }

  /** Answers. A body of text is sent with its length, and kept back for a HEAD. */
  answer(status: number, headers: Record<string, string> = {}, body: string | Uint8Array = ""): void {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const length = status === 204 ? {} : { "content-length": String(bytes.length) };
    this.record.status = status;
    this.#response.writeHead(status, { ...length, ...headers });
    if (this.method === "HEAD" || bytes.length === 0) return void this.#response.end();
    this.record.sent += bytes.length;
    this.#response.end(bytes);
  }

  /** Answers with the registry's own words. */
  refuse(status: number, code: string, detail: unknown = null): void {
    const body = JSON.stringify({
      errors: [{ code, message: code.toLowerCase().replaceAll("_", " "), detail }],
    });
    this.answer(status, { "content-type": "application/json" }, body);
  }

  /** Answers with a page of HTML. */
  page(status: number, text: string): void {
    this.answer(status, { "content-type": "text/html" }, `<html><body><h1>${text}</h1></body></html>`);
  }

  /** Answers with a long body, as fast as the other side takes it, whole or broken. */
  async stream(
    { status, headers, size }: { status: number; headers: Record<string, string>; size: number },
    pieces: Iterable<Uint8Array>,
    broken: BrokenBody | undefined,
  ): Promise<void> {
    this.record.status = status;
    const lacksLength = broken?.how === "short" || broken?.how === "long";
    const length: Record<string, string> = lacksLength ? {} : { "content-length": String(size) };
    this.#response.writeHead(status, { ...headers, ...length });
    const goesOn = broken?.how === "slow" || broken?.how === "long";
    let left = Math.min(size, goesOn ? size : broken?.after ?? size);
    const slowFrom = broken?.how === "slow" ? size - broken.after : -1; // with so many bytes left
    for (const piece of pieces) {
      if (left === 0) break;
      const wanted = piece.subarray(0, left);
      if (left >= slowFrom && left - wanted.length < slowFrom) await this.#trickle(wanted, left - slowFrom);
      else await this.#write(wanted);
      left -= wanted.length;
    }
    if (broken?.how === "long") await this.#write(new Uint8Array(7));
    if (broken?.how === "cut" || broken?.how === "stall") await this.breakOff(broken.how);
    this.#response.end();
  }

  /** Writes a few bytes behind `at` one by one, with a pause behind each. */
  async #trickle(piece: Uint8Array, at: number): Promise<void> {
    await this.#write(piece.subarray(0, at));
    for (const end = Math.min(piece.length, at + TRICKLE); at < end; at++) {
      await this.#write(piece.subarray(at, at + 1));
      await pause();
    }
    await this.#write(piece.subarray(at));
  }

  /** Ends the connection without a word, or says nothing more until the other side ends it. */
  async breakOff(how: "cut" | "stall"): Promise<never> {
    if (how === "stall" && !this.lost) await once(this.#request.socket, "close");
    this.#request.socket.destroy();
    throw new ConnectionLost("the connection was cut on purpose");
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.lost) throw new ConnectionLost("the other side has gone");
    this.record.sent += bytes.length;
    if (this.#response.write(bytes)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once("drain", resolve).once("close", resolve);
    await promise;
    this.#response.off("drain", resolve).off("close", resolve);
  }
}
