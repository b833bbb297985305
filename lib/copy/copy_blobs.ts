/** Brings blobs from one store to another: mounted where that can be, left alone where they are there. @module */
import { MismatchError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { adaptiveJobs, heardBy } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import { storedSource } from "../transfer/stored_source.ts";

/** How blobs are copied. */
export interface CopyBlobsOptions extends CallOptions {
  /** How many are on their way at once; absent = as many as serve. */
  jobs?: number | undefined;
  /** Reads what a directory has already: what was damaged there is written anew. Absent = digests and sizes are believed. */
  reread?: boolean | undefined;
}

/** What became of blobs. */
export interface CopiedBlobs {
  /** How many were sent. */
  sent: number;
  /** How many the registry took over from another repository of its own, without moving them. */
  mounted: number;
  /** How many were there. */
  present: number;
  /** The bytes that were sent. */
  bytes: number;
}

/**
 * Copies blobs, each verified on the way.
 *
 * @throws {NotFoundError} when one is absent
 * @throws {MismatchError} when one has another size or digest; it is not there then
 */
export async function copyBlobs(
  from: Store,
  to: Store,
  { blobs, ...options }: CopyBlobsOptions & { blobs: readonly Descriptor[] },
): Promise<CopiedBlobs> {
  const wanted = distinct(blobs);
  const size = wanted.reduce((sum, blob) => sum + blob.size, 0);
  const { jobs, onEvent } = adaptiveJobs(withChannel(options, to));
  const reading = options.onEvent ? onEvent : heardBy(jobs, from.onEvent);
  const copied: CopiedBlobs = { sent: 0, mounted: 0, present: 0, bytes: 0 };
  onEvent?.({ type: "plan", size, blobs: wanted.length });
  await inParallel(wanted.entries(), { jobs, signal: options.signal }, async ([index, blob], signal) => {
    const became = await copyBlob(from, to, { ...options, blob, signal, onEvent, reading });
    copied[became]++;
    if (became === "sent") copied.bytes += blob.size;
    onEvent?.({ type: "blob", index: index + 1, state: became, digest: blob.digest, size: blob.size });
  });
  return copied;
}

interface OneBlobOptions extends CopyBlobsOptions {
  blob: Descriptor;
  /** Receives the events of the store that is read: without a channel of the verb's the two stores have their own. */
  reading: OnEvent | undefined;
}

async function copyBlob(
  from: Store,
  to: Store,
  { blob, reread, signal, onEvent, reading }: OneBlobOptions,
): Promise<"sent" | "mounted" | "present"> {
  const { digest } = blob;
  const found = await to.reuse(blob, { reread, signal, onEvent });
  if (found === "present") return found;
  const neighbour = neighbourOf(from, to);
  if (neighbour !== undefined && await to.mount(digest, neighbour, { signal, onEvent })) return "mounted";
  const written = await to.write(storedSource(from, blob, { signal, onEvent: reading }), {
    signal,
    onEvent,
    checkFirst: found === "damaged",
  });
  if (written.digest === digest) return "sent";
  throw new MismatchError(`the blob ${digest} became ${written.digest} on its way to ${to.name}`);
}

/** The name of the source's repository, where it is another one of the same registry. */
function neighbourOf(from: Store, to: Store): string | undefined {
  const [one, other] = [new URL(from.url), new URL(to.url)];
  if (!one.protocol.startsWith("http") || one.origin !== other.origin) return undefined;
  return /^\/v2\/(.+?)\/?$/.exec(one.pathname)?.[1];
}
