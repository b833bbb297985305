/** Fetches a stash: into a file, or into a stream. @module */
import { withStoredDigests } from "../events.ts";
import { fetchFile, type FetchFileOptions, fetchRange } from "../files/fetch_file.ts";
import { streamOut } from "../files/stream_out.ts";
import { placeBlobs } from "../transfer/placed_blob.ts";
import { isNewFile } from "../files/partial_file.ts";
import { firstPart } from "../transfer/fetch_blobs.ts";
import type { ReadAhead } from "../transfer/read_ahead.ts";
import type { LookOptions } from "./chunk_image.ts";
import type { OpenStash } from "./open_stash.ts";
import { explainFetchError } from "./stash_faults.ts";
import { chunkName } from "./stash.ts";
import type { DownloadOptions } from "./verb_options.ts";

/** What `fetchStash` takes. */
export type FetchStashOptions = Omit<FetchFileOptions, "explain" | "partSize" | "hasher">;

/**
 * Asks for the first bytes of a chunk beside its config, where all of them are wanted. Nothing is given out before the config
 * says what they are.
 */
export async function fetchAhead(
  ahead: ReadAhead,
  output: DownloadOptions["output"],
  jobs: number | undefined,
): Promise<LookOptions["onLayer"]> {
  if (typeof output === "function") return undefined; // the file may have a beginning of the chunk
  if (typeof output !== "string") return (layer) => ahead.begin(layer);
  return await isNewFile(output) ? (layer) => ahead.begin(layer, firstPart(layer.size, jobs)) : undefined;
}

/**
 * Fetches a stash into a file, or into a stream, which is then closed.
 *
 * @throws {NotFoundError} if a chunk is missing
 * @throws {MismatchError} if a chunk is corrupted; a file is not made then, a stream has got bad bytes
 * @throws {ConflictError} if another process downloads to the file, a file with other bytes exists, or `FILE.part` is
 *   somebody else's
 */
export async function fetchStash(
  { stash, plain, reader, isAuthenticated, hasher }: OpenStash,
  output: string | WritableStream<Uint8Array>,
  options: FetchStashOptions,
): Promise<void> {
  const chunks = placeBlobs(plain.chunks, chunkName);
  const explain = (error: unknown) => explainFetchError(error, reader, stash, options);
  const onEvent = withStoredDigests(options.onEvent, stash.chunks);
  const transfer = { ...options, onEvent, explain, hasher, ...(isAuthenticated && { authenticated: true }) };
  const fetch = isAuthenticated && !hasher ? fetchRange : fetchFile;
  if (typeof output === "string") await fetch(reader, chunks, output, transfer);
  else await streamOut(reader, chunks, output, transfer);
}
