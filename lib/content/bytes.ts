/** Names for bytes: in memory, and in a stream. @module */

/** Bytes in memory that no other thread shares. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A stream of such bytes. */
export type ByteStream = ReadableStream<Bytes>;
