/** Decompresses a layer in a thread of its own, beside the one that fetches it and places its files. @module */
import type { Bytes } from "../content/bytes.ts";
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import { onThreadEnd } from "../content/thread_end.ts";
import { errorOfFailure, type ThreadFailure } from "../content/thread_failure.ts";
import { MismatchError, NotAllowedError } from "../errors.ts";
import type { Compression } from "./compression.ts";
import type { DecodingOrder } from "./decoding_worker.ts";

/** Decompresses as `decompress` does. Damaged bytes end the thread at most, and not the program. */
export async function* decompressBeside(
  pieces: AsyncIterable<Bytes>,
  compression: Compression,
  signal?: AbortSignal,
): AsyncGenerator<Bytes> {
  const worker = new Worker(new URL("./decoding_worker.ts", import.meta.url), { type: "module" });
  const port = new BytePort(worker);
  worker.onmessage = ({ data }: MessageEvent<PortMessage | ThreadFailure>) => {
    if (data.type !== "failed") port.hear(data);
    else port.fail(errorOfFailure(data));
  };
  const file = new URL("decoding_worker.ts", import.meta.url);
  onThreadEnd(worker, { work: "decompressing", file }, (error, message) => {
    // The decoder has thrown what nobody can catch: it has met damaged bytes.
    const isDamaged = !(error instanceof NotAllowedError);
    port.fail(
      isDamaged ? new MismatchError(`the layer's ${compression} data is damaged: ${message}`) : error,
    );
  });
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
