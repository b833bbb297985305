/**
 * A registry that takes everything and keeps nothing but manifests, as fast as a process of its own can:
 * `deno run -A sink.ts` prints its port. It reads the bodies of blobs and does not look at a byte of them. `DELETE`
 * makes it forget the manifests, too.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** A request without its body. */
interface Head {
  method: string;
  path: string;
  type: string;
  size: number;
}

/** How a client begins that tries TLS first. */
const TLS = 0x16;

/** By the paths of their tags and of their digests. */
const manifests = new Map<string, { type: string; bytes: Uint8Array; digest: string }>();

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
// deno-lint-ignore no-console -- the benchmark reads it
console.log((listener.addr as Deno.NetAddr).port);
for await (const connection of listener) serve(connection).catch(() => {}); // the client is told by the end

async function serve(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024 * 1024);
  let filled = 0;
  const more = async (most: number) => {
    const read = await connection.read(buffer.subarray(filled, most));
    if (read === null) throw new Error("the client is gone");
    filled += read;
  };
  const drop = (count: number) => {
    buffer.copyWithin(0, count, filled);
    filled -= count;
  };
  try {
    for (;;) {
      let end: number;
      while ((end = endOfHead(buffer, filled)) < 0) {
        await more(buffer.length);
        if (buffer[0] === TLS) throw new Error("TLS is not spoken here");
      }
      const text = new TextDecoder().decode(buffer.subarray(0, end));
      drop(end);
      if (/^expect: *100-continue/im.test(text)) await write(connection, "HTTP/1.1 100 Continue\r\n\r\n");
      const head = parse(text);
      if (isManifest(head)) { while (filled < head.size) await more(buffer.length); }
      const whole = Math.min(filled, head.size);
      const answer = answerTo(head, buffer.slice(0, whole));
      drop(whole);
      for (let left = head.size - whole; left > 0; left -= filled, filled = 0) {
        await more(Math.min(left, buffer.length));
      }
      await write(connection, answer);
    }
  } finally {
    connection.close();
  }
}

function parse(text: string): Head {
  const [, method = "", path = ""] = /^(\S+) ([^ ?]+)/.exec(text) ?? [];
  const field = (name: string) => new RegExp(`^${name}: *(.+?)\r`, "im").exec(text)?.[1] ?? "";
  return { method, path, type: field("content-type"), size: Number(field("content-length")) };
}

function isManifest({ path }: Head): boolean {
  return path.includes("/manifests/");
}

function answerTo(head: Head, body: Uint8Array): string {
  const { method, path, type } = head;
  if (method === "DELETE") manifests.clear();
  if (method === "PUT" && isManifest(head)) keep(path, type, body);
  const kept = manifests.get(path);
  if (kept) {
    const fields = [`Content-Type: ${kept.type}`, `Docker-Content-Digest: ${kept.digest}`];
    return answer(method === "PUT" ? 201 : 200, fields, method === "PUT" ? "" : kept.bytes, method);
  }
  const status = { POST: 202, PATCH: 202, PUT: 201 }[method] ?? (path === "/v2/" ? 200 : 404);
  const location = method === "POST" ? `${path}${crypto.randomUUID()}` : path;
  const unknown = '{"errors":[{"code":"NAME_UNKNOWN"}]}';
  return answer(status, [`Location: ${location}`], status === 404 ? unknown : "", method);
}

function keep(path: string, type: string, bytes: Uint8Array): void {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const manifest = { type, bytes, digest };
  manifests.set(path, manifest).set(path.replace(/[^/]+$/, digest), manifest);
}

/** The answer to HEAD has the size of the body that GET would get. */
function answer(status: number, fields: string[], body: string | Uint8Array, method: string): string {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const size = typeof body === "string" ? body.length : body.byteLength;
  const lines = [`HTTP/1.1 ${status} Answer`, ...fields, `Content-Length: ${size}`, "", ""];
  return lines.join("\r\n") + (method === "HEAD" ? "" : text);
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
