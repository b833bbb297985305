/** Sends a blob over one upload session, and goes on in it after breaks. @module */
import { collect } from "../../content/collect.ts";
import { RegistryError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { type PushWay, wayAfter } from "./push_mode.ts";
import type { BlobSource } from "./blob_source.ts";
import { type SessionBody, sessionLost, SessionLostError, type UploadSession } from "./upload_session.ts";

/** What sending over one session takes. */
export interface BlobRoute {
  sending: BlobSource;
  session: UploadSession;
  way: PushWay;
  /** Waits before another attempt, or throws the error where that makes no sense. */
  waitAfter(error: unknown): Promise<void>;
  /** Whether the registry has a blob. */
  isThere(digest: Digest): Promise<boolean>;
}

/** Up to this size, in bytes, a blob is sent with one PUT: that saves a request, and every registry takes it. */
export const SMALL: number = 1024 * 1024;
/** Parts of a stream that cannot be read again are held in memory while they are sent; no registry may ask for more. */
const HELD_PART = 10 * 1024 * 1024;
const LARGEST_HELD_PART = 100 * 1024 * 1024;

/**
 * Sends what the session lacks, and ends it.
 *
 * @throws {SessionLostError} when the blob may be sent again from its beginning now: the wait is over
 */
export async function sendBlob(route: BlobRoute): Promise<void> {
  const { source: { size, once }, source } = route.sending;
  if (size !== undefined && (size <= SMALL || route.way.mode === "put")) return await sendWhole(route, size);
  source.digest().catch(() => {}); // hashed beside the wire; a failure shows when it is awaited
  const send = size === undefined || once ? sendOnce : (each: BlobRoute) => sendFile(each, size);
  await send(route);
  await commit(route);
}

/** Sends all bytes with the request that ends the session: a session that breaks has nothing. */
async function sendWhole(route: BlobRoute, size: number): Promise<void> {
  const { sending, session, way, isThere } = route;
  const digest = await sending.digest();
  const stream = sending.stream();
  try {
    await session.commit(digest, size <= SMALL ? await collect(stream, size) : { stream, size });
  } catch (error) {
    if (sending.unreadable || !(error instanceof RegistryError) || wayAfter(error, way)) throw error;
    if (await isThere(digest)) return sending.standAt(size);
    await route.waitAfter(error);
    throw sessionLost(error);
  }
}

async function sendFile(route: BlobRoute, size: number): Promise<void> {
  const { sending, session, way } = route;
  await appendUpTo(route, size, (start) => {
    const end = way.mode === "parts" ? Math.min(size, session.endOfPart(way.partSize)) : size;
    return { stream: sending.stream(start, end), size: end - start };
  });
}

/** Sends what can be read one time only: in parts that are held until they have arrived, or at one go. */
async function sendOnce(route: BlobRoute): Promise<void> {
  const { sending, session, way } = route;
  const size = Math.min(LARGEST_HELD_PART, session.partSize(Math.min(way.partSize, HELD_PART)));
  if (way.mode !== "parts") return await session.append({ stream: sending.rest(), size: undefined });
  for (let part = await sending.part(size); part; part = await sending.nextPart()) {
    const { first, bytes } = part;
    await appendUpTo(route, first + bytes.length, (start) => bytes.subarray(start - first).subarray(0, size));
  }
}

/** Appends until the registry has so many bytes, over as many breaks as that takes. */
async function appendUpTo(
  route: BlobRoute,
  end: number,
  body: (start: number) => SessionBody,
): Promise<void> {
  const { sending, session, way } = route;
  while (session.offset < end) {
    try {
      await session.append(body(session.offset), { ranged: way.mode === "parts" });
    } catch (error) {
      await goOn(route, error);
    }
    sending.reached(session.offset);
  }
}

/** After a break: waits, and asks the registry where it stands. Throws where there is nothing to go on with. */
async function goOn({ sending, session, way, waitAfter }: BlobRoute, error: unknown): Promise<void> {
  const refused = wayAfter(error, way) !== undefined;
  // A 416 may say that parts are not taken (GHCR), or that the registry stands elsewhere than was thought.
  const astray = refused && error instanceof RegistryError && error.status === 416 && session.resumed;
  if (sending.unreadable || !(error instanceof RegistryError) || (refused && !astray)) throw error;
  await waitAfter(error);
  const { offset } = session;
  const lost = error instanceof SessionLostError || !sending.resumable || !await session.ask() ||
    (astray && session.offset === offset); // it does not go on from where it says that it stands
  if (lost) throw sessionLost(error);
  if (!sending.source.once) sending.standAt(session.offset);
}

/** Ends the session. The answer may be lost although the blob was stored: that is looked at first. */
async function commit(route: BlobRoute): Promise<void> {
  const { sending, session, waitAfter, isThere } = route;
  const digest = await sending.digest();
  for (const end = session.offset;;) {
    try {
      return await session.commit(digest);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      if (await isThere(digest)) return;
      await waitAfter(error);
      if (await isThere(digest)) return; // some registries know of it a moment later (GHCR)
      const lost = error instanceof SessionLostError || !await session.ask() || session.offset !== end;
      if (lost) throw sessionLost(error);
    }
  }
}
