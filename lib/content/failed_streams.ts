/** Tells the other end of a stream that the work has failed, also when it failed before the stream was touched. @module */

/** Does what ends in a failure for whoever reads `output`, too. A string names a file, and nobody waits for that. */
export async function abortOnFailure<T>(
  output: WritableStream<Uint8Array> | string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (output instanceof WritableStream) output.abort(error).catch(() => {}); // it may be ended already
    throw error;
  }
}

/** The same for whoever fills `input`. */
export async function cancelOnFailure<T>(
  input: ReadableStream<Uint8Array> | string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (input instanceof ReadableStream) input.cancel(error).catch(() => {});
    throw error;
  }
}
