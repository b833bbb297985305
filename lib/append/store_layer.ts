/** Stores a layer that is to be appended: a file, or a stream of any size. @module */
import type { Bytes } from "../content/bytes.ts";
import { pushBlob, type PushBlobOptions } from "../blobs/push_blob.ts";
import { ByteReader } from "../content/byte_stream.ts";
import { readFile } from "../content/file_source.ts";
import { MismatchError } from "../errors.ts";
import { type OnEvent, partOfTransfer } from "../events.ts";
import type { Store } from "../store/store.ts";
import { statFile } from "../files/input.ts";
import { type MeasuredLayer, measureLayer } from "./measure_layer.ts";

interface LayerOptions extends Omit<PushBlobOptions, "alias" | "overwrite"> {
  /** Gets what is known of a file before anything of it is sent, and may refuse it. */
  onMeasured: (layer: MeasuredLayer) => Promise<unknown>;
}

/**
 * Measures a layer and stores it unchanged. A file is measured before anything is sent. A stream is measured while it
 * is sent, and if it is not an archive, the upload is aborted and no blob results.
 *
 * @throws {InvalidInputError} if it is not a complete tar archive
 * @throws {MismatchError} if the file was changed while it was read
 */
export async function storeLayer(
  store: Store,
  input: string | ReadableStream<Uint8Array>,
  options: LayerOptions,
): Promise<MeasuredLayer> {
  if (typeof input !== "string") return await storeStream(store, input, options);
  const { size } = await statFile(input);
  options.onEvent?.({ type: "plan", blobs: 1, size });
  const file = readFile(input, { start: 0, end: size }, options.signal);
  const layer = await measureLayer(withProgress(file, options.onEvent), options);
  await options.onMeasured(layer);
  const onEvent = partOfTransfer(options.onEvent, (index) => index); // its plan was told
  const { digest } = await pushBlob(store, input, { ...options, onEvent });
  if (digest === layer.digest) return layer;
  throw new MismatchError(`${input} was changed while it was stored`, {
    hint: "append it again when no program writes to it; no image was changed",
  });
}

async function* withProgress(
  pieces: AsyncIterable<Bytes>,
  onEvent: OnEvent | undefined,
): AsyncGenerator<Bytes> {
  for await (const piece of pieces) {
    onEvent?.({ type: "progress", phase: "hash", bytes: piece.length });
    yield piece;
  }
}

async function storeStream(
  store: Store,
  stream: ReadableStream<Uint8Array>,
  options: LayerOptions,
): Promise<MeasuredLayer> {
  const { readable, writable } = new TransformStream<Bytes, Bytes>();
  const measuring = measureLayer(readable, options);
  measuring.catch(() => {}); // the error also ends the stream below
  await pushBlob(store, teeTo(writable, stream, measuring), options);
  return await measuring;
}

/**
 * A stream that also writes its bytes to `other`, whose reader is `measuring`. If that fails, the stream fails, too.
 */
function teeTo(
  other: WritableStream<Bytes>,
  stream: ReadableStream<Uint8Array>,
  measuring: Promise<MeasuredLayer>,
): ReadableStream<Uint8Array> {
  const writer = other.getWriter();
  writer.closed.catch(() => {});
  const reader = new ByteReader(stream);
  return new ReadableStream({
    async pull(controller) {
      const piece = await reader.read();
      try {
        await (piece ? writer.write(piece as Bytes) : writer.close());
        if (!piece) await measuring;
      } catch (error) {
        await reader.cancel();
        await measuring; // throws the reason
        throw error;
      }
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
    async cancel(reason) {
      await writer.abort(reason).catch(() => {});
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
