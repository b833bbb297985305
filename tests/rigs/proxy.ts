/** A proxy on this machine: CONNECT for https, whole URLs for http. It leads every name to this machine. @module */
import http from "node:http";
import net, { type AddressInfo } from "node:net";

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What it was asked, as `CONNECT registry.test:5000` and `GET http://registry.test:5000/v2/`, oldest first. */
  readonly asked: string[];
  /** The `Proxy-Authorization` headers that came. */
  readonly authorizations: Set<string>;
}

/** What a proxy may do beside leading `HOST:PORT` to that port of this machine. */
export interface ProxyOptions {
  /** Answers this status to everything. */
  refuse?: number;
  /** The only names that there are, as `ghcr.io:443`, and the port of this machine that each is led to. */
  leads?: ReadonlyMap<string, number>;
}

/** Starts a proxy. */
export async function startProxy({ refuse, leads }: ProxyOptions = {}): Promise<Proxy> {
  const asked: string[] = [];
  const authorizations = new Set<string>();
  const sockets = new Set<net.Socket>();
  const note = (request: http.IncomingMessage) => {
    asked.push(`${request.method} ${request.url}`);
    const said = request.headers["proxy-authorization"];
    if (said !== undefined) authorizations.add(said);
  };
  const server = http.createServer((request, response) => {
    note(request);
    if (refuse) return void response.writeHead(refuse).end();
    const { port, pathname, search } = new URL(request.url!);
    const { method, headers } = request;
    const onward = http.request({
      host: "127.0.0.1",
      port,
      path: pathname + search,
      method,
      headers,
      agent: false,
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connect", (request: http.IncomingMessage, socket: net.Socket) => {
    note(request);
    const port = leads ? leads.get(request.url!) : Number(request.url!.split(":").at(-1));
    const refusal = refuse ?? (port === undefined ? 502 : undefined);
    if (refusal) return void socket.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
    const target = net.connect(port!, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(target).pipe(socket);
    });
    sockets.add(target);
    for (const end of [socket, target]) end.on("error", () => (socket.destroy(), target.destroy()));
  });
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()); // a client that is killed resets its connections
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    authorizations,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await closed.promise;
    },
  };
}
