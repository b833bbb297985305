/** A file as it is served: bytes that can be read from any position. @module */
import type { ByteStream } from "../../content/bytes.ts";
import type { ByteRange } from "../../content/source.ts";

/** A file that is served. */
export interface ServedFile {
  /** Its name, by which clients save it, and which tells its media type. */
  readonly name: string;
  /** Its size, in bytes. */
  readonly size: number;
  /** What changes with its bytes: a digest, or what stands for one. */
  readonly tag: string;
  /** When it was last modified; absent = unknown. */
  readonly modified?: Date | undefined;
  /** Opens a range of it: only that is fetched, and no faster than it is read. */
  open(range: ByteRange): Promise<OpenedRange>;
}

/** A range that was opened. */
export interface OpenedRange {
  /** The bytes. Cancelling the stream ends what is fetched for it. */
  readonly stream: ByteStream;
  /** Whether each byte is checked by a digest: where one is wrong, the stream errors, and its last bytes are not given. */
  readonly isVerified: boolean;
}
