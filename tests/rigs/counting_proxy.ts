/** A TCP proxy in front of a registry, which counts the bytes that pass, and tells when there are enough. @module */

/** A running proxy. */
export interface CountingProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The bytes that went to the registry, and that came from it, with all headers. */
  readonly passed: { up: number; down: number };
  /** Calls the function once when so many bytes have passed in all; `Infinity` = never. */
  when(bytes: number, action: () => void): void;
  /** Closes all connections: what the other side has sent, and what has not passed yet, is lost. */
  cut(): void;
}

/** Starts a proxy on a free port of this machine. */
export function startCountingProxy(target: { host: string }): CountingProxy {
  const { hostname, port } = new URL(`http://${target.host}`);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const passed = { up: 0, down: 0 };
  const open = new Set<Deno.TcpConn>();
  let [limit, action] = [Infinity, () => {}];
  const count = (way: "up" | "down", bytes: number) => {
    passed[way] += bytes;
    if (passed.up + passed.down < limit) return;
    limit = Infinity;
    action();
  };
  const serve = async (client: Deno.TcpConn) => {
    const server = await Deno.connect({ hostname, port: Number(port) });
    for (const connection of [client, server]) open.add(connection);
    await Promise.allSettled([
      pass(client, server, (bytes) => count("up", bytes)),
      pass(server, client, (bytes) => count("down", bytes)),
    ]);
    for (const connection of [client, server]) open.delete(connection);
  };
  const serving = (async () => {
    const served: Promise<void>[] = [];
    for await (const client of listener) served.push(serve(client).catch(() => client.close()));
    await Promise.all(served);
  })();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    passed,
    when: (bytes, then) => void ([limit, action] = [bytes, then]),
    cut: () => open.forEach(close),
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) close(connection);
      await serving;
    },
  };
}

/** Passes bytes on until one side has gone; then neither has any use for the other. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn, count: (bytes: number) => void): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  try {
    for (let read; (read = await from.read(buffer)) !== null;) {
      count(read);
      for (let written = 0; written < read;) written += await to.write(buffer.subarray(written, read));
    }
  } finally {
    for (const connection of [from, to]) close(connection);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch { /* the other direction was faster */ }
}
