/**
 * Stands in for a long line where a real one cannot be made: `deno run -A stand_in_line.ts HOST:PORT DELAY MBIT` prints
 * its port, and passes everything on to the server, DELAY milliseconds later each way. All connections share the
 * rate. It loses nothing, and knows nothing of the windows of TCP.
 *
 * @module
 */

/** What passes at once, in bytes: small enough for the rate to be even. */
const PIECE = 64 * 1024;

const [server = "", delay = "", mbit = ""] = Deno.args;
const [hostname = "", port] = server.split(":");
const oneWay = Number(delay);
const bytesPerMillisecond = Number(mbit) * 125;
/** When each direction has sent what it was given. */
const up = { free: 0 };
const down = { free: 0 };

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
// deno-lint-ignore no-console -- the benchmark reads it
console.log((listener.addr as Deno.NetAddr).port);
for await (const client of listener) serve(client).catch(() => close(client));

async function serve(client: Deno.TcpConn): Promise<void> {
  await pause(2 * oneWay); // the handshake
  const server = await Deno.connect({ hostname, port: Number(port) });
  await Promise.allSettled([carry(client, server, up), carry(server, client, down)]);
  for (const connection of [client, server]) close(connection);
}

/** Bytes leave when the line is free, and arrive a while later: several pieces are on their way at once. */
async function carry(from: Deno.TcpConn, to: Deno.TcpConn, line: { free: number }): Promise<void> {
  let delivered = Promise.resolve();
  for (;;) {
    const piece = new Uint8Array(PIECE);
    const read = await from.read(piece);
    if (read === null) break;
    line.free = Math.max(performance.now(), line.free) + read / bytesPerMillisecond;
    const arrives = line.free + oneWay;
    delivered = delivered.then(async () => {
      await pause(arrives - performance.now());
      await writeAll(to, piece.subarray(0, read));
    });
    await pause(line.free - performance.now());
  }
  await delivered;
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
