/**
 * A registry that takes everything and keeps nothing, as fast as a process of its own can: `deno run -A sink.ts` prints
 * its port. It reads the bodies of requests and answers; it does not look at a byte of them.
 *
 * @module
 */

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
// deno-lint-ignore no-console -- the benchmark reads it
console.log((listener.addr as Deno.NetAddr).port);
for await (const connection of listener) serve(connection).catch(() => {});

async function serve(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024 * 1024);
  let filled = 0;
  for (;;) {
    let end: number;
    while ((end = endOfHead(buffer, filled)) < 0) {
      const read = await connection.read(buffer.subarray(filled));
      if (read === null) return connection.close();
      filled += read;
    }
    const head = new TextDecoder().decode(buffer.subarray(0, end));
    if (/^expect: *100-continue/im.test(head)) await write(connection, "HTTP/1.1 100 Continue\r\n\r\n");
    let left = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0) - (filled - end);
    buffer.copyWithin(0, Math.min(filled, filled + left), filled); // a next request would stand there
    filled = Math.max(0, -left);
    while (left > 0) {
      const read = await connection.read(buffer.subarray(0, Math.min(left, buffer.length)));
      if (read === null) return connection.close();
      left -= read;
    }
    await write(connection, answerTo(head));
  }
}

function answerTo(head: string): string {
  const [, method = "", path = ""] = /^(\S+) ([^ ?]+)/.exec(head) ?? [];
  const status = { POST: 202, PATCH: 202, PUT: 201 }[method] ?? 404;
  const location = method === "POST" ? `${path}${crypto.randomUUID()}` : path;
  return `HTTP/1.1 ${status} Answer\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

/** Where the body begins; -1 = the head is not whole. */
function endOfHead(buffer: Uint8Array, filled: number): number {
  for (let at = buffer.indexOf(13); at >= 0 && at + 3 < filled; at = buffer.indexOf(13, at + 1)) {
    if (buffer[at + 1] === 10 && buffer[at + 2] === 13 && buffer[at + 3] === 10) return at + 4;
  }
  return -1;
}
