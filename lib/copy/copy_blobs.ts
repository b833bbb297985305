/** Copies blobs from one store to another, or mounts them within a registry. @module */
import { MismatchError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { withEmbedded } from "../store/embedded.ts";
import type { CallOptions, DraftFile, Store } from "../store/store.ts";
import { adaptiveJobs, heardBy } from "../transfer/adaptive_jobs.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import { inParallel } from "../async/pool.ts";
import type { Turn } from "../async/turns.ts";
import { Hasher } from "../content/hasher.ts";
import { ONE_REQUEST } from "../transfer/fetch_blobs.ts";
import { withCutOffHint } from "../transfer/cut_off.ts";
import { storedSource } from "../transfer/stored_source.ts";
import { placeBlob } from "./place_blob.ts";

/** Options for copying blobs. */
export interface CopyBlobsOptions extends CallOptions {
  /** The number of blobs that are copied at once; absent = adapted to the registry. */
  jobs?: number | undefined;
  /** Receives the events of the source; absent = `onEvent`, or, without that, the channel of the source's store. */
  onSourceEvent?: OnEvent | undefined;
  /**
   * Reads existing blobs of a directory again, and replaces damaged ones. Absent = a blob of the right size is
   * trusted.
   */
  reread?: boolean | undefined;
}

/** How blobs were copied. */
export interface CopiedBlobs {
  /** The number of blobs that were sent. */
  sent: number;
  /** The number that the registry mounted from another repository, without moving bytes. */
  mounted: number;
  /** The number that already existed. */
  present: number;
  /** The total size of the blobs that were sent. */
  bytes: number;
}

/**
 * Copies blobs, and verifies each on the way.
 *
 * @throws {NotFoundError} if a blob does not exist
 * @throws {MismatchError} if a blob has another size or digest; it is then not stored
 */
export async function copyBlobs(
  from: Store,
  to: Store,
  { blobs, ...options }: CopyBlobsOptions & { blobs: readonly Descriptor[] },
): Promise<CopiedBlobs> {
  const wanted = distinct(blobs).map((blob, index) => ({ index: index + 1, blob }));
  const size = wanted.reduce((sum, { blob }) => sum + blob.size, 0);
  const { signal, reread } = options;
  const { jobs, onEvent } = adaptiveJobs({ ...withChannel(options, to), size });
  const reading = heardBy(jobs, options.onSourceEvent ?? options.onEvent ?? from.onEvent);
  using hasher = new Hasher();
  const copied: CopiedBlobs = { sent: 0, mounted: 0, present: 0, bytes: 0 };
  const copy = async ({ index, blob }: NumberedBlob, each: Connections) => {
    const state = await copyBlob(from, to, { blob, reread, hasher, onEvent, reading, ...each });
    copied[state]++;
    if (state === "sent") copied.bytes += blob.size;
    onEvent?.({ type: "blob", index, state, digest: blob.digest, size: blob.size });
  };
  onEvent?.({ type: "plan", size, blobs: wanted.length });
  const line = new KeyedMutex(); // one large blob is fetched at a time, while those before it are hashed and synced
  const largestFirst = wanted.toSorted((a, b) => b.blob.size - a.blob.size);
  await inParallel(largestFirst, { jobs, signal }, async (each, signal, turn) => {
    const inRanges = to.writePlaced !== undefined && each.blob.size > ONE_REQUEST;
    await copy(each, { signal, turn, ...(inRanges ? { jobs: options.jobs, line } : { jobs: 1 }) });
  });
  return copied;
}

interface NumberedBlob {
  /** Which blob of the transfer it is, from 1. */
  index: number;
  blob: Descriptor;
}

/** What a blob is copied over. */
interface Connections {
  /** How many requests fetch it at once, where it is fetched into a file; absent = adapted to the registry. */
  jobs: number | undefined;
  signal: AbortSignal;
  turn: Turn;
  /** Those who share it are fetched one after the other. */
  line?: KeyedMutex | undefined;
}

interface OneBlobOptions extends Connections, Pick<CopyBlobsOptions, "reread" | "onEvent"> {
  blob: Descriptor;
  hasher: Hasher;
  /** Receives the events of the source. */
  reading: OnEvent | undefined;
}

async function copyBlob(
  from: Store,
  to: Store,
  options: OneBlobOptions,
): Promise<"sent" | "mounted" | "present"> {
  const { blob, reread, signal, onEvent } = options;
  const found = await to.reuse(blob, { reread, signal, onEvent });
  if (found === "present") return found;
  const sibling = siblingRepository(from, to);
  if (sibling !== undefined && await to.mount(blob.digest, sibling, { signal, onEvent })) return "mounted";
  if (to.writePlaced) {
    await to.writePlaced(blob, (target) => fetchInto(from, target, options), { signal, onEvent });
  } else await streamTo(from, to, { ...options, checkFirst: found === "damaged" });
  return "sent";
}

/** Fetches a blob into the file that it becomes, when the bytes of those before it in the line have arrived. */
async function fetchInto(from: Store, target: DraftFile, options: OneBlobOptions): Promise<void> {
  using line = await options.line?.lock("fetched", options.signal);
  await placeBlob(from, target, { ...options, onArrived: () => line?.[Symbol.dispose]() });
}

/** Passes a blob on as it comes. */
async function streamTo(
  from: Store,
  to: Store,
  { blob, signal, turn, onEvent, reading, checkFirst }: OneBlobOptions & { checkFirst: boolean },
): Promise<void> {
  const source = storedSource(withEmbedded(from, blob), blob, { signal, onEvent: reading });
  const { digest } = await to.write(source, { signal, turn, onEvent, checkFirst }).catch((error) => {
    throw withCutOffHint(error, "--jobs 1");
  });
  if (digest === blob.digest) return;
  throw new MismatchError(`the blob ${blob.digest} became ${digest} on its way to ${to.name}`);
}

/** The name of the source's repository if it is in the same registry; `undefined` otherwise. */
function siblingRepository(from: Store, to: Store): string | undefined {
  const [one, other] = [new URL(from.url), new URL(to.url)];
  if (!one.protocol.startsWith("http") || one.origin !== other.origin) return undefined;
  return /^\/v2\/(.+?)\/?$/.exec(one.pathname)?.[1];
}
