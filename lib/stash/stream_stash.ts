/** Brings a stash into a stream, in order. @module */
import { createHash } from "node:crypto";
import { MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Store } from "../registry/store.ts";
import { receive } from "../transfer/receive.ts";
import type { Chunk, Stash } from "./stash.ts";

/**
 * Writes a stash to a stream, and closes it. Each chunk is verified when it was written: what goes into a pipe
 * cannot be taken back.
 *
 * @throws {MismatchError} when bytes that were written are bad
 */
export async function streamStash(
  store: Store,
  stash: Stash,
  output: WritableStream<Uint8Array>,
  options: { onEvent?: OnEvent | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const writer = output.getWriter();
  try {
    for (const chunk of stash.chunks) await streamChunk(store, chunk, writer, options);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

async function streamChunk(
  store: Store,
  { number, digest, size, tag }: Chunk,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  options: { onEvent?: OnEvent | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const hash = createHash("sha256");
  const sink = async (bytes: Uint8Array) => {
    hash.update(bytes);
    await writer.ready;
    await writer.write(bytes.slice());
  };
  await receive(store, { ...options, digest, size, sink, orWhole: true });
  if (`sha256:${hash.digest("hex")}` !== digest) {
    throw new MismatchError(`the blob of ${tag} is corrupted: bytes that were already written are bad`);
  }
  options.onEvent?.({ type: "chunk", chunk: number, state: "fetched", digest, size });
}
