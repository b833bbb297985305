/** Bytes that may be read more than once, and have to be the same each time. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import type { Input } from "./input.ts";

/**
 * The source of a chunk that is encrypted. What a broken connection or an earlier process has sent of it was encrypted with a
 * nonce that may not serve for other bytes. So whoever reads it again gets a piece only if the input had not changed when the
 * piece was read. Of a device nobody can tell.
 *
 * @param wasRead whether something of it may have been sent already
 */
export function unchangedSource(
  source: Source,
  input: Pick<Input, "requireUnchanged">,
  wasRead: boolean,
): Source {
  return {
    ...source,
    open(start, end) {
      const stream = source.open(start, end);
      if (wasRead) return streamed(unchanged(stream, input));
      wasRead = true;
      return stream;
    },
  };
}

async function* unchanged(
  stream: ByteStream,
  input: Pick<Input, "requireUnchanged">,
): AsyncGenerator<Bytes, void> {
  for await (const piece of stream) {
    await input.requireUnchanged();
    yield piece;
  }
}
