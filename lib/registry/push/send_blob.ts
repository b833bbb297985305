/** Sends a blob over one upload session: streams the bytes, resumes after breaks, commits. @module */
import type { Turn } from "../../async/turns.ts";
import { collect } from "../../content/collect.ts";
import { RegistryError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { PartGrowth } from "./part_growth.ts";
import { type ActiveMode, fallbackMode } from "./push_mode.ts";
import type { CountedSource } from "./counted_source.ts";
import { type SessionBody, sessionLost, SessionLostError, type UploadSession } from "./upload_session.ts";

/** A blob on its way over one session. */
export interface BlobRoute {
  source: CountedSource;
  session: UploadSession;
  mode: ActiveMode;
  /** Whether an earlier session broke or was refused. */
  broken: boolean;
  /** The size of the next part, in bytes; at first mostly that of the mode. */
  partSize: number;
  growth: PartGrowth;
  /** Milliseconds that only ever grow. */
  now(): number;
  /** The turn of the write, for which it waits between two parts. */
  turn?: Turn | undefined;
  /** Waits until another attempt may be made; throws the error if none may. */
  waitAfter(error: unknown): Promise<void>;
  /** Whether the registry has a blob. */
  exists(digest: Digest): Promise<boolean>;
}

/** Up to this size, in bytes, a blob is sent with one PUT: that saves a request, and every registry takes it. */
export const SMALL: number = 1024 * 1024;
/**
 * Up to this size, in bytes, a file is tried with one PUT where parts may be so large: that saves a round trip. If it breaks,
 * the file is sent in parts, of which only the last is lost by a break.
 */
const ONE_REQUEST = 16 * 1024 * 1024;
/**
 * The size of a part of a stream that can be read only once, or anew from its beginning, in bytes. It is held in memory
 * until it has arrived, so it is limited whatever the registry asks for.
 */
const HELD_PART = 10 * 1024 * 1024;
const LARGEST_HELD_PART = 100 * 1024 * 1024;

/**
 * Sends the bytes that the session lacks, and commits it.
 *
 * @throws {SessionLostError} if the blob has to be sent again from its beginning, over a new session; the wait is over
 */
export async function sendBlob(route: BlobRoute): Promise<void> {
  const { source } = route;
  const { size } = source.content;
  if (size !== undefined && (size <= SMALL || route.mode.push === "put" || fitsOneRequest(route, size))) {
    const stream = source.stream();
    const body = async () => size <= SMALL ? await collect(stream, size) : { stream, size };
    return await sendWhole(route, size, body);
  }
  const held = route.mode.push === "put" ? await source.whole(heldSize(route)) : undefined;
  if (held) return await sendWhole(route, held.length, () => held);
  const send = size === undefined || source.isHeld ? sendHeld : (each: BlobRoute) => sendFile(each, size);
  await send(route);
  await commit(route);
}

/** Whether a file is tried with one PUT, although it could be sent in parts. */
function fitsOneRequest({ source, session, mode, broken }: BlobRoute, size: number): boolean {
  if (mode.push !== "parts" || source.content.once || broken || session.offset > 0) return false;
  return size <= Math.min(ONE_REQUEST, session.partSize(mode.partSize));
}

/** Sends all bytes with the request that commits. After a break the session has none of them. */
async function sendWhole(
  route: BlobRoute,
  size: number,
  body: () => SessionBody | Promise<SessionBody>,
): Promise<void> {
  const { source, session, mode, exists } = route;
  const digest = await source.digest();
  try {
    await session.commit(digest, await body());
  } catch (error) {
    if (source.unreadable || !(error instanceof RegistryError) || fallbackMode(error, mode)) throw error;
    if (await exists(digest)) return source.standAt(size);
    await route.waitAfter(error);
    throw sessionLost(error);
  }
}

/** Streams a source that can be read again: in parts, or at one go. */
async function sendFile(route: BlobRoute, size: number): Promise<void> {
  const { source, session, mode } = route;
  await appendUpTo(route, size, (start) => {
    const end = mode.push === "parts"
      ? Math.min(size, session.endOfPart(mode.partSize, route.partSize))
      : size;
    return { stream: source.stream(start, end), size: end - start };
  });
}

/** Streams a source that cannot be read from anywhere at will: in parts that are held until they arrived, or at one go. */
async function sendHeld(route: BlobRoute): Promise<void> {
  const { source, session, mode } = route;
  const size = heldSize(route);
  if (mode.push !== "parts") return await session.append({ stream: source.rest(), size: undefined });
  for (let part = await source.part(size); part; part = await source.nextPart()) {
    const { first, bytes } = part;
    await appendUpTo(route, first + bytes.length, (start) => bytes.subarray(start - first).subarray(0, size));
  }
}

function heldSize({ session, mode }: BlobRoute): number {
  return Math.min(LARGEST_HELD_PART, session.partSize(Math.min(mode.partSize, HELD_PART)));
}

/** Appends until the registry has so many bytes, and resumes after each break. */
async function appendUpTo(
  route: BlobRoute,
  end: number,
  body: (start: number) => SessionBody,
): Promise<void> {
  const { source, session, mode, growth, turn } = route;
  while (session.offset < end) {
    await turn?.wait();
    const [before, began] = [session.offset, route.now()];
    try {
      await session.append(body(session.offset), mode.push === "parts" ? mode.partSize : undefined);
      const sent = session.offset - before;
      route.partSize = growth.next({ smallest: mode.partSize, sent, milliseconds: route.now() - began });
    } catch (error) {
      if (route.partSize > mode.partSize) growth.stop();
      await resume(route, error);
      route.partSize = mode.partSize;
    }
    source.reached(session.offset);
  }
}

/** After a break: waits, and asks the registry how many bytes it has. Throws if the session cannot be resumed. */
async function resume(route: BlobRoute, error: unknown): Promise<void> {
  const { source, session, mode } = route;
  const refused = fallbackMode(error, mode) !== undefined;
  // A 416 may say that parts are refused (GHCR), or that the registry is at another offset than we thought.
  const astray = refused && error instanceof RegistryError && error.status === 416 && session.resumed;
  if (source.unreadable || !(error instanceof RegistryError) || (refused && !astray)) throw error;
  await waitUnlessDead(route, error, session.resumed);
  const { offset } = session;
  const lost = error instanceof SessionLostError || !source.resumable || !await session.ask() ||
    (astray && session.offset === offset); // it refuses the very offset that it names
  if (lost) throw sessionLost(error);
  if (!source.isHeld) source.standAt(session.offset);
}

/** Waits until another attempt may be made. A session that was resumed after a break, and is dead, is lost. */
async function waitUnlessDead(
  { session, waitAfter }: BlobRoute,
  error: RegistryError,
  resumed: boolean,
): Promise<void> {
  const dead = resumed && session.isDead(error);
  if (!dead || error.transient) await waitAfter(error);
  if (dead) throw sessionLost(error);
}

/** Commits the session. If no answer came, the blob may be stored all the same: that is looked at first. */
async function commit(route: BlobRoute): Promise<void> {
  const { source, session, exists } = route;
  const digest = await source.digest();
  const { offset: end, resumed } = session;
  for (;;) {
    try {
      return await session.commit(digest);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      if (await exists(digest)) return;
      await waitUnlessDead(route, error, resumed);
      if (await exists(digest)) return; // some registries show it a moment later (GHCR)
      const lost = error instanceof SessionLostError || !await session.ask() || session.offset !== end;
      if (lost) throw sessionLost(error);
    }
  }
}
