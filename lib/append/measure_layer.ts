/** Measures a layer that is to be appended: its digests, size and compression. @module */
import type { Bytes } from "../content/bytes.ts";
import { InvalidInputError, MismatchError } from "../errors.ts";
import {
  type Compression,
  compressionOf,
  decompress,
  unsupportedCompressionOf,
} from "../layers/compression.ts";
import { NotAnArchiveError, readTar } from "../layers/read_tar.ts";
import type { PaxRecord } from "../layers/pax.ts";
import type { TarHeader } from "../layers/tar_header.ts";
import { joined, StreamInput } from "../layers/tar_input.ts";
import { type Digest, DigestHash } from "../oci/digest.ts";
import type { CallOptions } from "../store/store.ts";
import { EngineRules } from "./engine_rules.ts";

/** What an image needs to know of a layer. */
export interface MeasuredLayer {
  /** The digest of the bytes as they are stored. */
  digest: Digest;
  /** The number of bytes as they are stored. */
  size: number;
  /** The compression. */
  compression: Compression;
  /** The digest of the uncompressed archive. */
  diffId: Digest;
}

/** The number of bytes by which the compression is detected. */
const HEAD = 4;

/**
 * Reads a layer to its end, in constant memory. The whole archive is parsed, so that no image gets a damaged layer.
 *
 * @param options `onEvent` receives a notice of what some engines refuse
 * @throws {InvalidInputError} if it is empty, not a complete tar archive, or one that container engines refuse
 */
export async function measureLayer(
  pieces: AsyncIterable<Bytes>,
  { signal, onEvent }: CallOptions = {},
): Promise<MeasuredLayer> {
  const packed = new RunningDigest();
  const unpacked = new RunningDigest();
  const source = packed.over(pieces);
  const head = await readHead(source);
  const compression = compressionOf(head);
  const archive = unpacked.over(decompress(prepend(head, source), compression, signal));
  try {
    if (head.length === 0) throw new InvalidInputError("the layer is empty: there is nothing to append");
    const message = await readToEnd(archive);
    if (message !== undefined) onEvent?.({ type: "notice", message });
  } catch (error) {
    throw error instanceof MismatchError ? notAnArchive(error, head) : error;
  } finally {
    await archive.return(undefined);
    await source.return(undefined);
  }
  return { digest: packed.digest(), size: packed.size, compression, diffId: unpacked.digest() };
}

/** Reads all entries, and the bytes after the archive's end, which count for the digest. Gives the notice, if any. */
async function readToEnd(archive: AsyncGenerator<Bytes>): Promise<string | undefined> {
  const input = new StreamInput(archive);
  const rules = new EngineRules();
  const observer = {
    onHeader: (header: TarHeader) => rules.header(header),
    onRecords: (records: readonly PaxRecord[]) => rules.records(records),
  };
  for await (const entry of readTar(input, observer)) rules.entry(entry);
  await input.finish();
  return rules.notice;
}

async function readHead(source: AsyncGenerator<Bytes>): Promise<Bytes> {
  let head: Bytes = new Uint8Array();
  while (head.length < HEAD) {
    const { done, value } = await source.next();
    if (done) break;
    head = joined(head, value);
  }
  return head;
}

async function* prepend(head: Bytes, rest: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield head;
  yield* rest;
}

function notAnArchive(cause: MismatchError, head: Bytes): InvalidInputError {
  if (!(cause instanceof NotAnArchiveError)) {
    return new InvalidInputError(`the layer is not a complete tar archive: ${cause.message}`, {
      hint: cause.hint ?? "make it again, as in: tar c DIR | layerstash append ...",
      cause,
    });
  }
  const other = unsupportedCompressionOf(head);
  if (other === undefined) {
    return new InvalidInputError("the layer is not a tar archive", {
      hint: "pack it first, as in: tar c DIR | layerstash append ...",
      cause,
    });
  }
  return new InvalidInputError(`the layer is compressed with ${other}: layers are plain tar, gzip or zstd`, {
    hint: `decompress it first, as in: ${other} -dc FILE | layerstash append ...`,
    cause,
  });
}

/** Hashes and counts the bytes of a stream on their way. */
class RunningDigest {
  readonly #hash = new DigestHash();
  size = 0;

  async *over(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    for await (const piece of pieces) {
      this.#hash.update(piece);
      this.size += piece.length;
      yield piece;
    }
  }

  digest(): Digest {
    return this.#hash.digest();
  }
}
