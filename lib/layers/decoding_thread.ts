/** Decompresses a layer in a thread of its own, beside the one that fetches it and places its files. @module */
import type { Bytes } from "../content/bytes.ts";
import { forbiddenThread } from "../content/thread_error.ts";
import { MismatchError } from "../errors.ts";
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import type { Compression } from "./compression.ts";
import type { DecodingFailure, DecodingOrder } from "./decoding_worker.ts";

/** Decompresses as `decompress` does. Damaged bytes end the thread at most, and not the program. */
export async function* decompressBeside(
  pieces: AsyncIterable<Bytes>,
  compression: Compression,
  signal?: AbortSignal,
): AsyncGenerator<Bytes> {
  const worker = new Worker(new URL("./decoding_worker.ts", import.meta.url), { type: "module" });
  const port = new BytePort(worker);
  worker.onmessage = ({ data }: MessageEvent<PortMessage | DecodingFailure>) => {
    if (data.type !== "failed") port.hear(data);
    else port.fail(new MismatchError(data.message, { hint: data.hint }));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    port.fail(endOfThread(event.message, compression));
  };
  const stop = () => port.abort(signal!.reason);
  signal?.addEventListener("abort", stop);
  worker.postMessage({ type: "decode", compression } satisfies DecodingOrder);
  const feeding = port.send(pieces).catch((error) => port.abort(error));
  try {
    yield* port.receive();
  } finally {
    signal?.removeEventListener("abort", stop);
    port.abort(new Error("nobody wants more"));
    worker.terminate();
    await feeding;
  }
}

/** The thread ends by itself where the decoder throws what nobody can catch: it has met damaged bytes. */
function endOfThread(message: string, compression: Compression): Error {
  const file = new URL("decoding_worker.ts", import.meta.url);
  return forbiddenThread(message, { thread: "decompressing", file }) ??
    new MismatchError(`the layer's ${compression} data is damaged: ${message}`);
}
