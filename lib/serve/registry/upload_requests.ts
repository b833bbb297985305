/** Uploads to the registry: `/v2/<name>/blobs/uploads/` and the sessions below it. @module */
import { DiskFullError } from "../../content/file_errors.ts";
import { ConflictError, InvalidInputError, MismatchError } from "../../errors.ts";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import type { UploadInPieces, UploadsInPieces } from "../../store/store.ts";
import { algorithmIn, digestIn, repositoryIn } from "./names.ts";
import { Refusal, REFUSED } from "./refusal.ts";
import type { RegistryRequest } from "./registry_request.ts";

/** POST: begins an upload, takes a whole blob at once, or mounts one of another repository. */
export async function openUpload(asked: RegistryRequest): Promise<Response> {
  const { request, store, name, url } = asked;
  const [digest, mount, from] = ["digest", "mount", "from"].map((key) => url.searchParams.get(key));
  if (digest) return await takeWhole(asked, digestIn(digest));
  if (mount && from) {
    const wanted = digestIn(mount);
    if (await store.mount(wanted, repositoryIn(from), { signal: request.signal })) {
      return created(name, wanted);
    }
  }
  const upload = await uploadsOf(asked).begin({ algorithm: algorithmIn(url) });
  return new Response(null, { status: 202, headers: sessionHeaders(name, upload) });
}

async function takeWhole(asked: RegistryRequest, digest: Digest): Promise<Response> {
  const upload = await uploadsOf(asked).begin({ algorithm: algorithmOf(digest) });
  try {
    return await finish(asked, upload, digest);
  } catch (error) {
    await upload.cancel(); // the client does not know its ID, and cannot go on with it
    throw error;
  }
}

/** GET: how much of an upload has come. */
export async function sendUploadStatus(asked: RegistryRequest): Promise<Response> {
  return new Response(null, { status: 204, headers: sessionHeaders(asked.name, await session(asked)) });
}

/** DELETE: ends an upload. */
export async function dropUpload(asked: RegistryRequest): Promise<Response> {
  await (await session(asked)).cancel();
  return new Response(null, { status: 204 });
}

/** PATCH: takes the next bytes. */
export async function extendUpload(asked: RegistryRequest): Promise<Response> {
  const upload = await session(asked);
  await appendBody(asked, upload);
  return new Response(null, { status: 202, headers: sessionHeaders(asked.name, upload) });
}

/** PUT: takes the last bytes, if any, and makes a blob of all. */
export async function finishUpload(asked: RegistryRequest): Promise<Response> {
  const upload = await session(asked);
  const digest = digestIn(asked.url.searchParams.get("digest"));
  return await finish(asked, upload, digest);
}

async function finish(asked: RegistryRequest, upload: UploadInPieces, digest: Digest): Promise<Response> {
  await appendBody(asked, upload);
  try {
    await upload.finish(digest);
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw new Refusal(REFUSED.digestInvalid, error.message, { detail: { digest } });
  }
  return created(asked.name, digest);
}

async function appendBody({ request, name }: RegistryRequest, upload: UploadInPieces): Promise<void> {
  requireNextBytes(request.headers, upload, sessionHeaders(name, upload));
  if (!request.body) return;
  try {
    await upload.append(request.body, { signal: request.signal });
  } catch (error) {
    if (error instanceof DiskFullError) await upload.cancel(); // what has come would keep the disk full
    if (!(error instanceof ConflictError)) throw error;
    throw new Refusal(REFUSED.rangeInvalid, error.message, { headers: sessionHeaders(name, upload) });
  }
}

/** Makes sure that a request brings the bytes that come next. The spec's `Content-Range` has neither a unit nor a total. */
function requireNextBytes(headers: Headers, { size }: UploadInPieces, now: Record<string, string>): void {
  const range = headers.get("content-range");
  if (range === null) return;
  const [, first, last] = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(range) ?? [];
  if (first === undefined || Number(first) !== size) {
    throw new Refusal(REFUSED.rangeInvalid, `the upload has ${size} bytes`, { headers: now });
  }
  const length = headers.get("content-length");
  if (length !== null && Number(last) - Number(first) + 1 !== Number(length)) {
    throw new Refusal(REFUSED.sizeInvalid, "Content-Range and Content-Length disagree", { headers: now });
  }
}

/** The upload of a session that is under way. */
async function session(asked: RegistryRequest): Promise<UploadInPieces> {
  const upload = await uploadsOf(asked).find(asked.word);
  if (upload) return upload;
  throw new Refusal(REFUSED.uploadUnknown, "there is no such upload, or it has ended");
}

function uploadsOf({ store }: RegistryRequest): UploadsInPieces {
  if (store.uploads) return store.uploads;
  throw new InvalidInputError("the store takes no uploads in pieces");
}

function created(name: string, digest: Digest): Response {
  const headers = { "location": `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest };
  return new Response(null, { status: 201, headers });
}

function sessionHeaders(name: string, { id, size }: UploadInPieces): Record<string, string> {
  return {
    "location": `/v2/${name}/blobs/uploads/${id}`,
    "range": `0-${Math.max(0, size - 1)}`, // an upload without bytes says the same as one of one byte: so does distribution
    "docker-upload-uuid": id,
  };
}
