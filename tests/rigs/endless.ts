/** A server whose answers have no end. @module */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { TERABYTES } from "./planted_stash.ts";

/** Bytes without an end, until the other side has enough. */
function pour(response: http.ServerResponse, piece: Uint8Array): void {
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more).on("error", () => {});
  more();
}

/** A server that answers everything with a body that has no end, or is said to have terabytes. */
export async function endless(
  status: number,
  headers: Record<string, string>,
  piece: Uint8Array,
): Promise<AsyncDisposable & { url: string; requests(): number }> {
  const seen: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    response.writeHead(status, headers);
    if (request.method === "HEAD") response.end();
    else pour(response, piece);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => seen.length,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

/** What is said of the length of such a body. */
export const LENGTHS: Record<string, Record<string, string>> = {
  "have no end": {},
  "are said to have terabytes": { "content-length": TERABYTES },
};
/** What such a body repeats. */
export const PIECES: Record<string, Uint8Array> = {
  "large pieces": new Uint8Array(256 * 1024).fill(0x20),
  "many tags": new TextEncoder().encode(`{"tags":[${'"a-1",'.repeat(10_000)}`),
};
