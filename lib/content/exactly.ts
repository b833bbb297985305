/** Streams that are held to their announced length. @module */
import { MismatchError } from "../errors.ts";

/** The stream's bytes, which must be just `size`; any number where that is `undefined`. Fails with MismatchError. */
export function exactly(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  size: number | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (size === undefined) return stream;
  const reader = stream.getReader();
  let length = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      length += value?.length ?? 0;
      if (length > size || (done && length < size)) {
        const cause = `${length} bytes or more came where ${size} were announced`;
        throw new MismatchError(length > size ? cause : `the content ended after ${length} of ${size} bytes`);
      }
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
