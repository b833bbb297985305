/** Uploads to the fake registry: POST, PATCH, PUT, and GET and DELETE of a session. @module */
import { setImmediate as breathe } from "node:timers/promises";
import type { Digest } from "../../lib/oci/digest.ts";
import type { Fake } from "./fake.ts";
import { ConnectionLost, type Exchange, pause } from "./fake_exchange.ts";
import { takeBreak, takeTime } from "./fake_faults.ts";
import type { UploadSession } from "./fake_storage.ts";

/** POST: opens a session, or mounts a blob. Without `singlePost` a digest alone is ignored, as by distribution. */
export async function openUpload(fake: Fake, exchange: Exchange, repository: string): Promise<void> {
  if (lacksLength(fake, exchange)) return exchange.refuse(411, "SIZE_INVALID");
  if (fake.faults.singlePost && exchange.query("digest") !== undefined) {
    return await storeBody(fake, exchange, fake.storage.openSession(repository));
  }
  const digest = exchange.query("mount") ?? "";
  const source = exchange.query("from") ?? "";
  if (!fake.faults.refuseMounts && fake.storage.blob(source, digest)) {
    fake.storage.repository(repository).blobs.add(digest as Digest);
    return exchange.answer(201, blobHeaders(fake, repository, digest));
  }
  const { chunkMinLength, chunkMaxLength } = fake.faults;
  exchange.answer(202, {
    ...sessionHeaders(fake, fake.storage.openSession(repository)),
    ...(chunkMinLength && { "oci-chunk-min-length": String(chunkMinLength) }),
    ...(chunkMaxLength && { "oci-chunk-max-length": String(chunkMaxLength) }),
  });
}

/** Every other method on a session. */
export async function continueUpload(fake: Fake, exchange: Exchange, id: string): Promise<void> {
  const session = fake.storage.sessions.get(id);
  if (!session) return exchange.refuse(404, "BLOB_UPLOAD_UNKNOWN");
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      return tellStatus(fake, exchange, session);
    case "DELETE":
      fake.storage.sessions.delete(id);
      return exchange.answer(204);
    case "PATCH":
      return await takePart(fake, exchange, session);
    case "PUT":
      return await commit(fake, exchange, session);
    default:
      return exchange.refuse(405, "UNSUPPORTED");
  }
}

/** distribution v3 tells it to whoever knows the id; its older versions also want the newest state. */
function tellStatus(fake: Fake, exchange: Exchange, session: UploadSession): void {
  const { sessionStatus } = fake.faults;
  if (sessionStatus === "absent") return exchange.refuse(404, "BLOB_UPLOAD_UNKNOWN");
  if (sessionStatus === "fatal" && isStale(exchange, session)) return endSession(fake, exchange, session);
  if (sessionStatus === "quay") return exchange.answer(204, { range: `bytes=0-${session.size}` });
  const told = Math.max(1, session.size + (fake.faults.statusError ?? 0));
  const lie = fake.faults.statusError !== undefined && { range: `0-${told - 1}` };
  exchange.answer(204, { ...sessionHeaders(fake, session), ...lie });
}

async function takePart(fake: Fake, exchange: Exchange, session: UploadSession): Promise<void> {
  const { refusePatch, patchStatus = 202, patchRange } = fake.faults;
  if (refusePatch) return exchange.refuse(refusePatch, "UNSUPPORTED");
  if (refusePart(fake, exchange, session)) return;
  await takeBody(fake, exchange, session);
  if (exchange.answered) return;
  session.firstPart ??= session.size;
  const headers = sessionHeaders(fake, session);
  if (patchRange === "frozen") headers["range"] = `0-${session.firstPart - 1}`;
  if (patchRange === "absent") delete headers["range"];
  if (fake.faults.patchLocation === "absent") delete headers["location"];
  exchange.answer(patchStatus, headers);
}

async function commit(fake: Fake, exchange: Exchange, session: UploadSession): Promise<void> {
  if (refusePart(fake, exchange, session)) return;
  await storeBody(fake, exchange, session);
}

/** Takes the body, which is the last of the blob, or all of it, and makes a blob of the upload. */
async function storeBody(fake: Fake, exchange: Exchange, session: UploadSession): Promise<void> {
  const { refuseEmptyCommit, onCommit } = fake.faults;
  const before = session.size;
  await takeBody(fake, exchange, session);
  if (exchange.answered) return;
  if (refuseEmptyCommit && before > 0 && session.size === before) {
    return exchange.refuse(refuseEmptyCommit, "UNKNOWN");
  }
  const digest = fake.storage.commit(session, exchange.query("digest") ?? "");
  if (digest === undefined) return exchange.refuse(400, "DIGEST_INVALID");
  await onCommit?.(digest);
  if (takeTime(fake.faults, "loseCommitAnswer")) await exchange.breakOff("cut");
  exchange.answer(201, blobHeaders(fake, session.repository, digest));
}

/** Puts the body behind what is there, piece by piece as it comes. */
async function takeBody(fake: Fake, exchange: Exchange, session: UploadSession): Promise<void> {
  const { maxBody = Infinity, dropBrokenSessions, stickBrokenSessions } = fake.faults;
  const undo = session.mark();
  const { cutAfter = Infinity } = fake.faults;
  let took = 0;
  fake.storage.arriving++;
  const length = Number(exchange.header("content-length") ?? Infinity);
  const broken = takeBreak(fake.faults.breakUpload, { start: session.size, end: session.size + length });
  try {
    await exchange.read(async (piece) => {
      const room = (broken?.after ?? Infinity) - (exchange.record.received - piece.length);
      if (exchange.record.received > maxBody) {
        undo();
        return refuseSize(fake, exchange);
      }
      if (broken?.how === "slow") {
        session.append(piece);
        return await (piece.length >= room ? pause() : undefined);
      }
      session.append(piece.subarray(0, room));
      took += piece.length * fake.storage.arriving;
      if (took > cutAfter) await exchange.breakOff("cut");
      if (fake.faults.trickle) await breathe();
      if (piece.length >= room) await exchange.breakOff(broken?.how === "stall" ? "stall" : "cut");
    });
  } catch (error) {
    if (error instanceof ConnectionLost && dropBrokenSessions) fake.storage.sessions.delete(session.id);
    if (error instanceof ConnectionLost && stickBrokenSessions) {
      undo();
      session.stuck = true;
    }
    throw error;
  } finally {
    fake.storage.arriving--;
  }
}

function refusePart(fake: Fake, exchange: Exchange, session: UploadSession): boolean {
  const length = Number(exchange.header("content-length") ?? NaN);
  const range = exchange.header("content-range");
  if (refuseState(fake, exchange, session) || refuseBody(fake, exchange, session)) return true;
  if (range === undefined || Number.isNaN(length)) return false;
  // The distribution spec's form: bare, without a unit and a total.
  const [, start, end] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  const most = exchange.method === "PATCH" ? fake.faults.maxRangedPatch ?? Infinity : Infinity;
  if (start === undefined || Number(start) !== session.size || length > most) {
    exchange.refuse(416, "RANGE_INVALID");
  } else if (Number(end) - Number(start) + 1 !== length) {
    exchange.refuse(400, "SIZE_INVALID");
  }
  return exchange.answered;
}

function refuseState(fake: Fake, exchange: Exchange, session: UploadSession): boolean {
  const { sessionStatus, patchLocation } = fake.faults;
  if (sessionStatus === "quay" || patchLocation === "absent") return false; // one location, for ever
  if (exchange.query("_state") === undefined) exchange.refuse(404, "BLOB_UPLOAD_INVALID");
  else if (!isStale(exchange, session)) return false;
  else if (fake.faults.sessionStatus === "fatal") endSession(fake, exchange, session);
  else exchange.refuse(416, "RANGE_INVALID");
  return true;
}

function refuseBody(fake: Fake, exchange: Exchange, session: UploadSession): boolean {
  if (session.stuck) exchange.refuse(500, "UNKNOWN");
  else if (lacksLength(fake, exchange)) exchange.refuse(411, "SIZE_INVALID");
  else if (Number(exchange.header("content-length") ?? 0) > (fake.faults.maxBody ?? Infinity)) {
    refuseSize(fake, exchange);
  }
  return exchange.answered;
}

function refuseSize(fake: Fake, exchange: Exchange): void {
  if (fake.faults.htmlErrors) return exchange.page(413, "413 Request Entity Too Large");
  exchange.refuse(413, "SIZE_INVALID");
}

function lacksLength(fake: Fake, exchange: Exchange): boolean {
  return fake.faults.requireLength === true && exchange.header("content-length") === undefined;
}

function endSession(fake: Fake, exchange: Exchange, session: UploadSession): void {
  fake.storage.sessions.delete(session.id);
  exchange.refuse(404, "BLOB_UPLOAD_INVALID");
}

/** The state names the offset that the client believes in; here it is only disguised, there it is signed. */
function isStale(exchange: Exchange, session: UploadSession): boolean {
  return exchange.query("_state") !== stateOf(session);
}

function stateOf(session: UploadSession): string {
  return btoa(`${session.id}:${session.size}`).replaceAll("=", "");
}

function sessionHeaders(fake: Fake, session: UploadSession): Record<string, string> {
  const path = `/v2/${session.repository}/blobs/uploads/${session.id}?_state=${stateOf(session)}`;
  return {
    "location": fake.locate(path),
    // An empty session says the same as one of one byte: so does distribution.
    "range": `0-${Math.max(0, session.size - 1)}`,
    "docker-upload-uuid": session.id,
  };
}

function blobHeaders(fake: Fake, repository: string, digest: string): Record<string, string> {
  const location = `${fake.base.registry}/v2/${repository}/blobs/${digest}`;
  return { location, "docker-content-digest": digest };
}
