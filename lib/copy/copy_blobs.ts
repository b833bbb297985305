/** Copies blobs from one store to another, or mounts them within a registry. @module */
import { MismatchError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { withEmbedded } from "../store/embedded.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { adaptiveJobs, heardBy } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import type { Turn } from "../async/turns.ts";
import { withCutOffHint } from "../transfer/cut_off.ts";
import { storedSource } from "../transfer/stored_source.ts";

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
  const wanted = distinct(blobs);
  const size = wanted.reduce((sum, blob) => sum + blob.size, 0);
  const { jobs, onEvent } = adaptiveJobs(withChannel(options, to));
  const reading = heardBy(jobs, options.onSourceEvent ?? options.onEvent ?? from.onEvent);
  const copied: CopiedBlobs = { sent: 0, mounted: 0, present: 0, bytes: 0 };
  onEvent?.({ type: "plan", size, blobs: wanted.length });
  await inParallel(
    wanted.entries(),
    { jobs, signal: options.signal },
    async ([index, blob], signal, turn) => {
      const state = await copyBlob(from, to, { ...options, blob, signal, turn, onEvent, reading });
      copied[state]++;
      if (state === "sent") copied.bytes += blob.size;
      onEvent?.({ type: "blob", index: index + 1, state, digest: blob.digest, size: blob.size });
    },
  );
  return copied;
}

interface OneBlobOptions extends CopyBlobsOptions {
  blob: Descriptor;
  /** Receives the events of the source. */
  reading: OnEvent | undefined;
  turn: Turn;
}

async function copyBlob(
  from: Store,
  to: Store,
  { blob, reread, signal, turn, onEvent, reading }: OneBlobOptions,
): Promise<"sent" | "mounted" | "present"> {
  const { digest } = blob;
  const found = await to.reuse(blob, { reread, signal, onEvent });
  if (found === "present") return found;
  const sibling = siblingRepository(from, to);
  if (sibling !== undefined && await to.mount(digest, sibling, { signal, onEvent })) return "mounted";
  const written = await to.write(storedSource(withEmbedded(from, blob), blob, { signal, onEvent: reading }), {
    signal,
    turn,
    onEvent,
    checkFirst: found === "damaged",
  }).catch((error) => {
    throw withCutOffHint(error, "--jobs 1");
  });
  if (written.digest === digest) return "sent";
  throw new MismatchError(`the blob ${digest} became ${written.digest} on its way to ${to.name}`);
}

/** The name of the source's repository if it is in the same registry; `undefined` otherwise. */
function siblingRepository(from: Store, to: Store): string | undefined {
  const [one, other] = [new URL(from.url), new URL(to.url)];
  if (!one.protocol.startsWith("http") || one.origin !== other.origin) return undefined;
  return /^\/v2\/(.+?)\/?$/.exec(one.pathname)?.[1];
}
