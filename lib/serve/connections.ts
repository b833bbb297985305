/** The connections of a server's clients: the requests of each are answered in turn, and all end with the server. @module */
import type http from "node:http";
import type { Socket } from "node:net";

/** How many requests of one connection may be under way. Clients that do not wait for answers send a few. */
const MOST_REQUESTS = 100;

/** A connection of a client. */
interface Connection {
  socket: Socket;
  /** How many of its requests have no answer yet. */
  requests: number;
  /** Settles when the last of them has its answer. */
  answered: Promise<void>;
}

/** The connections of one server. */
export class Connections {
  readonly #open: Map<string, Connection> = new Map();
  #isEnding = false;

  /** @param server one that does not listen yet */
  constructor(server: http.Server) {
    const add = (socket: Socket) => this.#add(socket);
    server.on("connection", add).on("secureConnection", add); // with TLS, each connection has a socket of either kind
  }

  /** Ends those without a request at once, and the others after their answers. */
  end(): void {
    this.#isEnding = true;
    for (const { socket, requests } of this.#open.values()) if (requests === 0) socket.destroy();
  }

  #add(socket: Socket): void {
    const key = connectionKey(socket);
    const connection = { socket, requests: 0, answered: Promise.resolve() };
    this.#open.set(key, connection);
    socket.once("close", () => this.#open.get(key) === connection && this.#open.delete(key));
    if (this.#isEnding) socket.destroy();
  }

  /**
   * Answers a request when those before it on the same connection have their answers. Each that is answered holds a buffer and
   * a file, and so a client that sends thousands of them at once would otherwise hold as many.
   */
  async answer(
    { socket }: http.IncomingMessage,
    response: http.ServerResponse,
    answer: () => Promise<void>,
  ): Promise<void> {
    const connection = this.#open.get(connectionKey(socket));
    if (!connection) return void socket.destroy(); // the client has gone
    if (++connection.requests > MOST_REQUESTS) return void socket.destroy();
    response.once("close", () => --connection.requests === 0 && this.#isEnding && socket.end());
    const run = async () => {
      if (!socket.destroyed) await answer();
    };
    connection.answered = connection.requests === 1 ? answer() : connection.answered.then(run, run);
    await connection.answered;
  }
}

/** What both sockets of one connection have in common. */
function connectionKey({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
