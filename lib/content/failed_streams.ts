/** Tells the other end of a stream that the work has failed, also when it failed before the stream was touched. @module */

/**
 * Does what ends in a failure for whoever reads an output, or fills an input, too. A string names a file, and nobody waits
 * for that.
 */
export async function letGoOnFailure<T>(
  stream: WritableStream<Uint8Array> | ReadableStream<Uint8Array> | string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (stream instanceof WritableStream) stream.abort(error).catch(() => {}); // it may be ended already
    if (stream instanceof ReadableStream) stream.cancel(error).catch(() => {});
    throw error;
  }
}
