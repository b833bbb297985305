/** Bytes: in memory, and in a stream. @module */

/** Bytes in memory that no other thread shares. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A stream of such bytes. */
export type ByteStream = ReadableStream<Bytes>;

/** Whether two pieces have the same bytes. */
export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
