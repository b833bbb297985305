/** The body of a request, which comes as fast as it is read, and no slower than a client may send. @module */
import type http from "node:http";
import type { Bytes, ByteStream } from "../content/bytes.ts";

/** How much of a body that nobody wants is taken before the connection is closed, in bytes. */
const MOST_UNWANTED = 64 * 1024 ** 2;

/** The client has left, or takes too long. */
export class ClientGone extends Error {}

/** Waits for the client. One that is silent for too long loses the connection, and the work on its request fails. */
export async function inTimeOrGone<T>(
  work: Promise<T>,
  { socket }: http.IncomingMessage,
  silence: number,
): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    socket.destroy();
    reject(new ClientGone("the client is silent")); // an answer that waits for its turn learns nothing from its connection
  }, silence);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** The body of one request. */
export class RequestBody {
  /** Whether there is one. */
  readonly exists: boolean;
  readonly #request: http.IncomingMessage;
  readonly #silence: number;
  readonly #pieces: AsyncIterator<Bytes>;
  #received = 0;

  /** @param silence how many milliseconds are waited for the client to send more */
  constructor(request: http.IncomingMessage, silence: number) {
    const { headers } = request;
    this.exists = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
    this.#request = request;
    this.#silence = silence;
    this.#pieces = request[Symbol.asyncIterator]() as AsyncIterator<Bytes>;
  }

  /** How many bytes came. */
  get received(): number {
    return this.#received;
  }

  /** The bytes. What is not read when the stream is cancelled is left to {@link drain}. */
  stream(): ByteStream {
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await inTimeOrGone(this.#pieces.next(), this.#request, this.#silence);
        if (done) return controller.close();
        this.#received += value.length;
        controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
  }

  /** Takes what is left after the answer: a client that reads nothing before it has sent all would wait without end. */
  async drain(): Promise<void> {
    if (!this.exists) return void this.#request.resume();
    await inTimeOrGone(this.#takeRest(), this.#request, this.#silence).catch(() => {}); // the client has gone
  }

  async #takeRest(): Promise<void> {
    for (let taken = 0; taken < MOST_UNWANTED;) {
      const { done, value } = await this.#pieces.next();
      if (done) return;
      taken += value.length;
    }
    this.#request.socket.destroy();
  }
}
