/** The OCI registry at `/v2/` (OCI distribution spec 1.1). @module */
import { isReading, type Part, type Serving } from "../part.ts";
import { DiskFullError } from "../../content/file_errors.ts";
import { endOldUploads, makeRoom } from "./abandoned_uploads.ts";
import { answerWithBlob, deleteBlob } from "./blob_requests.ts";
import { referrersResponse, sendCatalog, sendReferrers, sendTags } from "./list_requests.ts";
import { answerWithManifest, deleteManifest, storeManifest } from "./manifest_requests.ts";
import { digestIn, repositoryIn } from "./names.ts";
import type { Answer, RegistryRequest } from "./registry_request.ts";
import { Refusal, REFUSED, reportedRefusal } from "./refusal.ts";
import { dropUpload, extendUpload, finishUpload, openUpload, sendUploadStatus } from "./upload_requests.ts";

/** What there is in a repository: the paths after its name, and the methods of each. A longer pattern comes first. */
const ENDPOINTS: readonly (readonly [path: RegExp, methods: Readonly<Record<string, Answer>>])[] = [
  [/^(.+)\/blobs\/uploads\/()$/, { POST: openUpload }],
  [/^(.+)\/blobs\/uploads\/([^/]+)$/, {
    GET: sendUploadStatus,
    HEAD: sendUploadStatus,
    PATCH: extendUpload,
    PUT: finishUpload,
    DELETE: dropUpload,
  }],
  [/^(.+)\/blobs\/([^/]+)$/, { GET: answerWithBlob, HEAD: answerWithBlob, DELETE: deleteBlob }],
  [/^(.+)\/manifests\/([^/]+)$/, {
    GET: answerWithManifest,
    HEAD: answerWithManifest,
    PUT: storeManifest,
    DELETE: deleteManifest,
  }],
  [/^(.+)\/tags\/list()$/, { GET: sendTags }],
  [/^(.+)\/referrers\/([^/]+)$/, { GET: sendReferrers }],
];

/** What the headers of every answer say. */
const HEADERS = {
  "docker-distribution-api-version": "registry/2.0", // old clients of docker look for it
  // Whoever stores a manifest chooses its media type. One that says it is a page must run nothing in a browser.
  "content-security-policy": "default-src 'none'; sandbox",
  "x-content-type-options": "nosniff",
};

/** Answers requests of the distribution spec. */
export const registryPart: Part = async (request, url, serving) => {
  const response = await answer(request, url, serving).catch((error) => {
    return reportedRefusal(error, request, serving).response();
  });
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
  return response;
};

async function answer(request: Request, url: URL, serving: Serving): Promise<Response> {
  const path = decodedPath(url);
  if (path === "") return Response.json({});
  if (path === "_catalog") return await sendCatalog(serving.repositories, url);
  for (const [pattern, methods] of ENDPOINTS) {
    const [, name, word = ""] = pattern.exec(path) ?? [];
    if (name === undefined) continue;
    const work = methods[request.method];
    if (!work) throw methodUnknown(request.method, Object.keys(methods));
    return await answerIn(repositoryIn(name), { work, request, url, word, serving });
  }
  throw new Refusal([404, "UNSUPPORTED"], "there is nothing at this path");
}

async function answerIn(
  name: string,
  { work, serving, ...asked }: Omit<RegistryRequest, "name" | "store"> & { work: Answer; serving: Serving },
): Promise<Response> {
  const { request, word } = asked;
  const isWrite = !isReading(request);
  const { repositories, readOnly } = serving;
  if (isWrite && readOnly) throw readOnlyRefusal();
  const creates = ["POST", "PUT"].includes(request.method); // an empty index can be the first thing of all
  const found = await (creates ? repositories.create(name) : repositories.find(name));
  if (!found && work === sendReferrers) return referrersResponse([], digestIn(word) && {});
  if (!found) throw new Refusal(REFUSED.nameUnknown, "the repository is unknown", { detail: { name } });
  if (isWrite && !found.isWritable) throw readOnlyRefusal();
  if (work === openUpload) await endOldUploads(serving);
  try {
    return await work({ ...asked, name, store: found.store });
  } catch (error) {
    if (error instanceof DiskFullError) await makeRoom(serving);
    throw error;
  }
}

/** Names and digests need no escapes, but some clients write the colon of a digest as one. */
function decodedPath({ pathname }: URL): string {
  return pathname.replace(/^\/v2\/?/, "").replace(/%3a/gi, ":");
}

/** No password would help, and so this is not `DENIED`, after which clients ask for one. */
function readOnlyRefusal(): Refusal {
  return new Refusal(REFUSED.unsupported, "it is only read here", { headers: { allow: "GET, HEAD" } });
}

function methodUnknown(method: string, allowed: readonly string[]): Refusal {
  return new Refusal(REFUSED.unsupported, `${method} is not possible here`, {
    headers: { allow: allowed.join(", ") },
  });
}
