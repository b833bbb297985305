/** Bytes: in memory, and in a stream. @module */

/** Bytes in memory that no other thread shares. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A stream of such bytes. */
export type ByteStream = ReadableStream<Bytes>;

/** Whether two pieces have the same bytes. */
export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/**
 * Gives memory back at once. The garbage collector does not see how large these buffers are: it would let them pile up, or
 * look for them all the time. One that holds other things, too, stays.
 */
export function free({ buffer, byteLength }: ArrayBufferView): void {
  if (byteLength === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
}
