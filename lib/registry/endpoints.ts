/**
 * The endpoints of a registry, numbered as in the OCI distribution spec ("Endpoints"). Each says which answers are not
 * errors: registries vary, and so there are more of them than the spec has.
 *
 * Over a distance the round trips count that wait for each other. A new connection costs three more: one for TCP, one for TLS,
 * and one because Deno's `fetch` has Nagle's algorithm on, which holds the first request until the server has acknowledged the
 * end of the handshake; a server may put that off for another 40 ms. Where a registry wants a sign-in, its first answer says how;
 * a token is one request more.
 *
 * | verb, for a file of one small chunk | no sign-in | password | token |
 * | --- | --- | --- | --- |
 * | upload a small file | 4 | 5 | 6 |
 * | upload it again | 4 | 5 | 6 |
 * | download to a file | 2 | 3 | 4 |
 * | download to a stream | 2 | 3 | 4 |
 * | list | 3 | 4 | 5 |
 * | info | 2 | 3 | 4 |
 * | remove | 6 | 7 | 9 |
 * | blob push | 2 | 3 | 4 |
 * | blob pull | 2 | 3 | 4 |
 *
 * An upload looks at the list of tags and at the first tag, and begins its two uploads meanwhile if its journal shows that it is
 * new; it sends the bytes and the config, and looks at the tag once more; it puts the tag; it reads the tag back. Without a
 * journal the uploads are begun after the first look: one more. A download reads the manifest, and then the config and the
 * bytes at once.
 *
 * What is put into a path is checked here: `..` in it would lead to another repository, with the credentials of this one.
 *
 * @module
 */
import type { ByteRange } from "../content/source.ts";
import type { HttpRequest } from "../http/request.ts";
import type { RemoteAddress } from "../oci/registry_address.ts";
import { type Algorithm, type Digest, parseDigest } from "../oci/digest.ts";
import { BLOB_UNKNOWN, MANIFEST_BLOB_UNKNOWN } from "../oci/error_codes.ts";
import type { Manifest } from "../oci/manifest.ts";
import { MANIFEST_TYPES, OCTET_STREAM } from "../oci/media_types.ts";
import { parseReference, parseRepository, parseTag } from "../oci/reference.ts";
import type { Action } from "../sign_in/authorization.ts";

/** One call of the API. */
export interface Call {
  method: HttpRequest["method"];
  /** A path after `/v2/<repository>/`, or a URL that the registry gave. */
  to: string | URL;
  /** What the token has to allow. `sign-in` needs no right. */
  action: Action | "sign-in" | "catalog";
  /** What is asked for, for messages, as in `the tag disk-1`. */
  what: string;
  /** The statuses that are returned; all others are thrown as errors. */
  expect: readonly number[];
  headers?: Record<string, string>;
  body?: HttpRequest["body"];
  /** Whether bytes that stream come next, over the same connection. */
  beforeStream?: boolean;
  /** Error codes that may pass when the call is made again. */
  passing?: readonly string[];
  /** Whether the answer brings bytes of a blob, of whatever type. A cache may have to fetch the blob before it answers. */
  bringsBlob?: boolean;
  /** Another repository that the token has to be able to read, for mounts. */
  alsoPull?: string;
}

/** The bytes that a call sends. */
type CallBody = NonNullable<HttpRequest["body"]>;

const UPLOADS = "blobs/uploads/";
const NO_BODY = { "content-length": "0" };
const BYTES = { "content-type": OCTET_STREAM };
const REMOVED = [200, 202, 204, 404];

/** Where a blob is. */
export function blobPath(digest: Digest): string {
  return `blobs/${parseDigest(digest)}`;
}

function manifestPath(reference: string): string {
  return `manifests/${parseReference(reference)}`;
}

/** The endpoints, each as a function of what varies. */
export const ENDPOINTS = {
  /** end-1: nothing, or a challenge to sign in. */
  base: ({ origin }: RemoteAddress): Call => ({
    method: "GET",
    to: new URL("/v2/", origin),
    action: "sign-in",
    what: "the sign-in",
    expect: [200],
  }),

  /** end-2: the size of a blob. The storage of a registry may refuse HEAD (GHCR, GitLab). */
  headBlob: (digest: Digest, what: string): Call => ({
    method: "HEAD",
    to: blobPath(digest),
    action: "pull",
    what,
    expect: [200, 403, 404, 405],
  }),
  /** end-2: the bytes of a blob, or of a range of it. */
  getBlob: (digest: Digest, { what, range }: { what: string; range?: ByteRange | undefined }): Call => ({
    method: "GET",
    to: blobPath(digest),
    action: "pull",
    what,
    expect: [200, 206],
    bringsBlob: true,
    headers: range ? { range: `bytes=${range.start}-${range.end - 1}` } : {},
  }),
  /** end-2: the first byte of a blob, whose answer says how many there are. An empty blob has no first byte (416). */
  getFirstByte: (digest: Digest, what: string): Call => ({
    ...ENDPOINTS.getBlob(digest, { what, range: { start: 0, end: 1 } }),
    expect: [200, 206, 404, 416],
  }),

  /** end-3: a manifest, or with HEAD its digest. A proxy may refuse HEAD. */
  manifest: (method: "GET" | "HEAD", reference: string): Call => ({
    method,
    to: manifestPath(reference),
    action: "pull",
    what: `the manifest ${reference}`,
    expect: method === "HEAD" ? [200, 403, 404, 405] : [200, 404],
    headers: { accept: MANIFEST_TYPES.join(", ") },
  }),

  /** end-4a: begins an upload, of bytes that stream or of a few. A digest that is not of sha256 is announced. */
  initiateUpload: (
    what: string,
    { beforeStream, algorithm = "sha256" }: { beforeStream: boolean; algorithm?: Algorithm | undefined },
  ): Call => ({
    method: "POST",
    to: algorithm === "sha256" ? UPLOADS : `${UPLOADS}?digest-algorithm=${algorithm}`,
    action: "push",
    what,
    expect: [202],
    headers: NO_BODY,
    beforeStream,
  }),
  /** end-5: sends a part of a blob, with `contentRange`, or all that is left of it. */
  sendPart: (to: URL, body: CallBody, contentRange: string | undefined): Call => ({
    method: "PATCH",
    to,
    action: "push",
    what: "a part of a blob",
    expect: [200, 201, 202, 204],
    headers: contentRange === undefined ? BYTES : { ...BYTES, "content-range": contentRange },
    body,
  }),
  /** end-6: ends an upload, with the last bytes where there are any. */
  commitUpload: (to: URL, digest: Digest, body: CallBody): Call => ({
    method: "PUT",
    to: withDigest(to, digest),
    action: "push",
    what: "the end of an upload",
    expect: [200, 201, 204],
    headers: BYTES,
    body,
  }),

  /** end-7: stores a manifest. For some seconds after its commit a blob may not be known yet (GHCR). */
  putManifest: (reference: string, { mediaType, bytes }: Manifest): Call => ({
    method: "PUT",
    to: manifestPath(reference),
    action: "push",
    what: `storing the manifest ${reference}`,
    expect: [200, 201, 202, 204],
    headers: { "content-type": mediaType },
    body: bytes,
    passing: [MANIFEST_BLOB_UNKNOWN, BLOB_UNKNOWN],
  }),

  /**
   * end-7: stores a manifest under its digest and a tag. The answer names the tag where the registry understands that; one that
   * does not may refuse (400) a digest that is not of sha256.
   */
  putTaggedManifest: (tag: string, manifest: Manifest): Call => {
    const call = ENDPOINTS.putManifest(manifest.digest, manifest);
    return {
      ...call,
      to: `${call.to}?tag=${encodeURIComponent(parseTag(tag))}`,
      expect: [...call.expect, 400],
      what: `storing the manifest ${tag}`,
    };
  },

  /** end-8b: a page of tags. */
  listTags: (repository: string): Call => ({
    method: "GET",
    to: "tags/list?n=1000",
    action: "pull",
    what: `the list of tags of ${repository}`,
    expect: [200, 404],
  }),

  /** end-9: removes a manifest with all its tags. */
  deleteManifest: (digest: Digest, what = `the removal of the manifest ${digest}`): Call => ({
    method: "DELETE",
    to: manifestPath(digest),
    action: "delete",
    what,
    expect: REMOVED,
  }),
  /** end-9: removes a manifest that no tag is to lead to. Docker Hub refuses (403) where one does. */
  deleteUnnamed: (digest: Digest): Call => ({
    ...ENDPOINTS.deleteManifest(digest),
    expect: [...REMOVED, 400, 403, 405, 501],
  }),
  /** end-9: removes a tag by its name, where the registry can do that. */
  deleteTag: (tag: string): Call => ({
    method: "DELETE",
    to: manifestPath(tag),
    action: "delete",
    what: `the removal of the tag ${tag}`,
    expect: [...REMOVED, 400, 405, 415, 501],
  }),

  /** end-10: removes a blob. */
  deleteBlob: (digest: Digest): Call => ({
    method: "DELETE",
    to: blobPath(digest),
    action: "delete",
    what: `the removal of the blob ${digest}`,
    expect: REMOVED,
  }),

  /** end-11: mounts a blob of another repository, which is named in full. Older Quays fail where they cannot mount. */
  mountBlob: (digest: Digest, from: string): Call => ({
    method: "POST",
    to: `${UPLOADS}?mount=${encodeURIComponent(parseDigest(digest))}` +
      `&from=${encodeURIComponent(parseRepository(from))}`,
    action: "push",
    alsoPull: from,
    what: `the blob ${digest} of ${from}`,
    expect: [201, 202, 400, 404, 405],
    headers: NO_BODY,
  }),

  /** end-12a: a page of the manifests that refer to another. */
  listReferrers: (digest: Digest): Call => ({
    method: "GET",
    to: `referrers/${parseDigest(digest)}`,
    action: "pull",
    what: `the list of what refers to ${digest}`,
    expect: [200, 404],
  }),

  /** end-13: how many bytes of an upload have arrived. */
  uploadStatus: (to: URL, what: string): Call => ({
    method: "GET",
    to,
    action: "push",
    what,
    expect: [200, 202, 204, 400, 404, 410, 416],
  }),
  /** end-14: gives an upload up. */
  cancelUpload: (to: URL): Call => ({
    method: "DELETE",
    to,
    action: "delete",
    what: "the end of an upload",
    expect: [200, 202, 204],
  }),

  /** A page of repositories: of no spec. Distribution gives no more than a hundred by default. */
  listRepositories: ({ origin, host }: RemoteAddress): Call => ({
    method: "GET",
    to: new URL("/v2/_catalog?n=100", origin),
    action: "catalog",
    what: `the list of repositories of ${host}`,
    expect: [200, 404],
  }),
};

/** Which timeout holds: registries store parts and manifests before they answer. A PUT to a URL commits an upload. */
export function answerWithin({ method, to, bringsBlob }: Call): "answer" | "store" | "commit" {
  if (bringsBlob) return "store";
  if (method === "PUT") return to instanceof URL ? "commit" : "store";
  return method === "PATCH" ? "store" : "answer";
}

/** Whether the body streams, and so cannot be sent a second time. */
export function streams({ body }: Call): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** Adds the digest to the address of an upload; the rest of its query stays as it is, to the byte. */
function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.search = `${url.search ? `${url.search}&` : "?"}digest=${encodeURIComponent(digest)}`;
  return url;
}
