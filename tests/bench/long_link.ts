/**
 * A long link in front of a server: `deno run -A long_link.ts HOST:PORT` prints its port. Each way of the round trip
 * takes 25 ms, and each connection carries 25 MB a second at most, both ways.
 *
 * @module
 */

const ONE_WAY = 25;
const RATE = 25_000_000;
/** What passes at once, in bytes: a tenth of a second's worth is enough for the rate to be even. */
const PIECE = 64 * 1024;

const [hostname = "127.0.0.1", port] = Deno.args[0]!.split(":");
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
// deno-lint-ignore no-console -- the benchmark reads it
console.log((listener.addr as Deno.NetAddr).port);
for await (const client of listener) serve(client).catch(() => client.close());

async function serve(client: Deno.TcpConn): Promise<void> {
  await pause(2 * ONE_WAY); // the handshake
  const server = await Deno.connect({ hostname, port: Number(port) });
  await Promise.allSettled([carry(client, server), carry(server, client)]);
  for (const connection of [client, server]) close(connection);
}

/** Bytes leave when the link is free, and arrive a while later: several pieces are on their way at once. */
async function carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const link = { free: 0, delivered: Promise.resolve() };
  for (;;) {
    const piece = new Uint8Array(PIECE);
    const read = await from.read(piece);
    if (read === null) break;
    const leaves = Math.max(performance.now(), link.free);
    link.free = leaves + read / RATE * 1000;
    const arrives = link.free + ONE_WAY;
    link.delivered = link.delivered.then(async () => {
      await pause(arrives - performance.now());
      await writeAll(to, piece.subarray(0, read));
    });
    await pause(link.free - performance.now());
  }
  await link.delivered;
  await to.closeWrite();
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
}

function pause(milliseconds: number): Promise<void> {
  return milliseconds < 1 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch { /* it is closed already */ }
}
