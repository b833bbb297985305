/** Stores a layer that is to be appended: a file, or a stream of any size. @module */
import { pushBlob, type PushBlobOptions } from "../blobs/push_blob.ts";
import { ByteReader } from "../content/byte_stream.ts";
import { readFile } from "../content/file_source.ts";
import { MismatchError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { statFile } from "../files/input.ts";
import { type MeasuredLayer, measureLayer } from "./measure_layer.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type LayerOptions = Omit<PushBlobOptions, "alias">;

/**
 * Measures a layer and stores it as it is. A file is measured before anything is sent; a stream is measured while it is
 * sent, and where it turns out to be no archive its blob is not made.
 *
 * @throws {InvalidInputError} when it is no whole tar archive
 * @throws {MismatchError} when the file changed while it was read
 */
export async function storeLayer(
  store: Store,
  input: string | ReadableStream<Uint8Array>,
  options: LayerOptions,
): Promise<MeasuredLayer> {
  if (typeof input !== "string") return await storeStream(store, input, options);
  const { size } = await statFile(input);
  const layer = await measureLayer(readFile(input, { start: 0, end: size }, options.signal));
  const { digest } = await pushBlob(store, input, options);
  if (digest === layer.digest) return layer;
  throw new MismatchError(`${input} was changed while it was stored`, {
    hint: "append it again when nothing writes to it; no image was changed",
  });
}

async function storeStream(
  store: Store,
  stream: ReadableStream<Uint8Array>,
  options: LayerOptions,
): Promise<MeasuredLayer> {
  const { readable, writable } = new TransformStream<Bytes, Bytes>();
  const measuring = measureLayer(readable);
  measuring.catch(() => {}); // it shows in the stream
  await pushBlob(store, alsoTo(writable, stream, measuring), options);
  return await measuring;
}

/** The same bytes, which go to another reader too. What that has against them ends both. */
function alsoTo(
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
        await measuring; // it says why
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
