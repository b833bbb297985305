/** The last chunk of a stash: its config lists all chunks, so that its digest stands for the whole file. @module */
import { InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";
import { chunkCount } from "../files/input.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import type { ChunkNote, EncryptionNote } from "./chunk_config.ts";
import type { ChunkImage } from "./chunk_image.ts";
import { lookAtDigest } from "./blob_instead.ts";
import { chunksOf, sliceSize, type Stash, type StashEncryption } from "./stash.ts";

/** The description of a stash by its last chunk, which lists all chunks. */
export type StashTable = ChunkNote & Required<Pick<ChunkNote, "size" | "chunks" | "digests">>;

/** The table in the config of a chunk; `undefined` = it is not the last one, or another tool stored it. */
export function tableOf({ config: { layerstash: note } }: ChunkImage): StashTable | undefined {
  const { size, chunks, digests } = note ?? {};
  return note === undefined || size === undefined || chunks === undefined || digests === undefined
    ? undefined
    : { ...note, size, chunks, digests };
}

/** Whether a table fits the chunk in which it is: the sizes, and the number and the digest of the last chunk. */
export function isConsistent(table: StashTable, { layer }: ChunkImage): boolean {
  const { chunk, chunks, chunkSize, size, digests } = table;
  return chunk === chunks && digests.length === chunks &&
    chunkCount(size, chunkSize) === chunks &&
    digests.at(-1) === layer.digest && layer.size === sliceSize(chunks, { chunkSize, size });
}

/**
 * The stash that a table describes.
 *
 * @param name the name of the stash, or its digest, by which the tags of its chunks are not known
 */
export function stashOfTable(
  name: string,
  { digests, encryption, ...table }: StashTable,
  { manifest, config }: ChunkImage,
): Stash {
  const { size, chunkSize } = table;
  const slices = digests.map((digest, index) => ({
    digest,
    size: sliceSize(index + 1, { chunkSize, size }),
  }));
  return {
    baseTag: name,
    name: table.name,
    digest: manifest,
    size,
    chunkSize,
    modified: config.created,
    chunks: chunksOf(name, slices),
    provenComplete: true,
    ...(encryption && { encryption: encryptionOf(encryption) }),
  };
}

/** The details are large, and secret: a function gives them, and JSON has none. */
function encryptionOf({ format, details }: EncryptionNote): StashEncryption {
  return { format, ...(details !== undefined && { details: () => details }) };
}

/**
 * Finds a stash by its digest: that of the manifest of its last chunk. All else is verified against it, and no tag is read.
 *
 * @throws {NotFoundError} if there is no such manifest, or it is of something else; also if the digest is that of a blob
 * @throws {InvalidInputError} if it is of a chunk that does not list the others
 * @throws {MismatchError} if it is malformed
 */
export async function findStashByDigest(
  store: StoreReader,
  digest: Digest,
  options: CallOptions,
): Promise<Stash> {
  const found = await lookAtDigest(store, digest, options);
  if (found.kind === "absent") throw new NotFoundError(`there is no ${digest} in ${store.name}`);
  if (found.kind === "foreign") {
    throw new NotFoundError(`${digest} in ${store.name} is not a stored file`, { cause: found.error });
  }
  if (found.kind !== "chunk") throw found.error;
  const { image } = found;
  const table = tableOf(image);
  if (!table) throw notTheLast(image);
  if (isConsistent(table, image)) return stashOfTable(digest, table, image);
  throw new MismatchError(`the list of chunks in ${digest} does not fit the chunk itself`);
}

function notTheLast({ tag, config: { layerstash } }: ChunkImage): InvalidInputError {
  if (!layerstash) {
    return new InvalidInputError(
      `${tag} is a chunk of a stored file, and does not say which others belong to it: an older program stored it`,
      { hint: "use the name of the file" },
    );
  }
  const { chunk, name } = layerstash;
  return new InvalidInputError(
    `${tag} is chunk ${chunk} of ${name === undefined ? "a stored file" : `the stored file ${name}`}, ` +
      "and only the last one lists all",
    { hint: "use the digest that layerstash info shows, or the name of the file" },
  );
}
