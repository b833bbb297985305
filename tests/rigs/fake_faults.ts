/** What the fake registry does wrong when it is told to: each fault is one that a named registry really has. @module */
import type { Digest } from "../../lib/oci/digest.ts";
import type { Origin, RecordedRequest } from "./fake_exchange.ts";

/** An answer that is given in place of the true one. */
export interface Failure {
  /** Which method; any where absent. */
  method?: string;
  /** Which path (without the query); any where absent. */
  path?: RegExp;
  /**
   * The status; 0 = the connection is cut, and there is no answer. (Deno's fetch then makes the request again, on
   * its own, where it had used the connection before and the body is not a stream.)
   */
  status: number;
  /** The answer's headers, such as `retry-after`. */
  headers?: Record<string, string>;
  /** The answer's body. */
  body?: string;
  /** How many requests pass before it; 0 where absent. */
  skip?: number;
  /** How often it is given. It counts down to 0. */
  times: number;
}

/** A body that does not come through. */
export interface BrokenBody {
  /** After how many bytes. */
  after: number;
  /** Counts them from the beginning of the blob: a body that does not reach them comes through. */
  inBlob?: boolean;
  /** Of which blobs (downloads only); any where absent. */
  digest?: Digest | readonly Digest[];
  /** How often. It counts down to 0. */
  times: number;
  /**
   * `cut`: the connection ends. `stall`: nothing more comes, and it stays open. `slow`: it comes whole, but from
   * there on in small pieces (any radio link). Downloads only: `short`: it ends as if it were whole, as behind a
   * proxy that takes `Content-Length` away; `long`: there are bytes too many, behind the same.
   */
  how: "cut" | "stall" | "slow" | "short" | "long";
}

/** Everything that can be wrong. What is absent is right. Tests may change it at any time. */
export interface Faults {
  /** Given before anything else, the first that fits: 429 (Docker Hub), 502 in HTML (GHCR, nginx) ... */
  failNext?: Failure[];
  /** Requests that come sooner than so many milliseconds after the last that was taken get 429, by this clock. */
  limit?: { now(): number; interval: number; last?: number };
  /** Everything gets a page of HTML with status 200: a web server that is no registry, a sign-in portal. */
  notARegistry?: boolean;
  /** Called, and waited for, before a request is handled. */
  onRequest?: (request: RecordedRequest) => void | Promise<void>;

  /** A 401 says only at `/v2/` how to sign in (container-registry). */
  challengeAtBase?: boolean;
  /** HEAD of manifests and blobs gets this status: 405, 403 (nginx). */
  refuseHead?: number;
  /** HEAD of a blob says so many bytes: 0 (proxies that lose the length). */
  headSize?: number;
  /** It lists referrers itself, and says so of a manifest with a subject (zot, Harbor, ACR, ECR). */
  referrersApi?: boolean;
  /** A list gives no `Link` (go-containerregistry). */
  noLinks?: boolean;
  /** The type of a blob's answer (Apache guesses it). */
  blobType?: string;
  /** Upload locations: `absolute` (distribution), `relative` (zot, ACR), on `another-origin` (the spec allows it). */
  locations?: "absolute" | "relative" | "another-origin";
  /** POST with a digest and a body stores a blob at once (zot, GitLab, olareg). */
  singlePost?: boolean;
  /** PATCH gets this status: 405 where only monolithic uploads are taken (GAR). */
  refusePatch?: number;
  /** PATCH with `Content-Range` and more bytes than this gets 416 (GHCR: 4 MiB). */
  maxRangedPatch?: number;
  /** A PATCH or PUT of more bytes than this gets 413 (ACR: 20 MB; proxies: 100 MB). */
  maxBody?: number;
  /** The 413 is a page of HTML (nginx, Cloudflare). */
  htmlErrors?: boolean;
  /** POST, PATCH and PUT without `Content-Length` get 411 (GAR, Nexus). */
  requireLength?: boolean;
  /** What a good PATCH answers: 201 (ECR), 204 (pulp), 200. */
  patchStatus?: number;
  /** The `Range` of a good PATCH: that of the first part for ever (ECR), or none. */
  patchRange?: "frozen" | "absent";
  /** A good PATCH names no new `Location`: the old one stays good (early zot). */
  patchLocation?: "absent";
  /** An empty PUT after PATCHes gets this status: 500 (ECR). */
  refuseEmptyCommit?: number;
  /** `OCI-Chunk-Min-Length` of a new session (serverless-registry); it is not enforced. */
  chunkMinLength?: number;
  /** `OCI-Chunk-Max-Length` of a new session (serverless-registry); it is not enforced. */
  chunkMaxLength?: number;
  /**
   * GET on a session: `absent` = 404 (ECR Public); `fatal` = any request whose location is behind the stored
   * bytes ends the session with 404 (distribution 2.8); `quay` = `bytes=0-<count>`, one too many, no `Location`.
   */
  sessionStatus?: "absent" | "fatal" | "quay";
  /**
   * So many bytes more than there are is what GET on a session says, or less where it is negative: one more (Quay),
   * fewer (nodes that do not share their storage at once, behind a load balancer).
   */
  statusError?: number;
  /** Bodies of PATCH and PUT that do not come through; what came is kept (distribution v3). */
  breakUpload?: BrokenBody;
  /** Bodies come and go in so small pieces, in bytes (a mobile network). */
  trickle?: number;
  /**
   * A PATCH or PUT is cut off after so many bytes of its own, divided by how many come side by side: a line that they share,
   * and a registry that ends requests after some time (GHCR).
   */
  cutAfter?: number;
  /** A PATCH that did not come through is not counted, and then every PATCH and PUT of its session gets 500 (Gitea). */
  stickBrokenSessions?: boolean;
  /** A body that did not come through takes its session with it (zot, ACR). */
  dropBrokenSessions?: boolean;
  /** So many commits are done, and their answer is lost (GHCR, any proxy with a time limit). It counts down. */
  loseCommitAnswer?: number;
  /** Called, and waited for, between a commit and its answer (distribution on S3 takes minutes there). */
  onCommit?: (digest: Digest) => void | Promise<void>;
  /** A mount opens an ordinary session (202) though the blob is there (Docker Hub without `pull` on the source). */
  refuseMounts?: boolean;

  /** Ranges: `ignored` = 200 and the whole blob; `wrong` = 206 with the blob's beginning; `refused` = 416. */
  ranges?: "ignored" | "wrong" | "refused";
  /** GET of a blob is redirected with this status to a signed URL on another origin: 307 (GHCR, Docker Hub, ECR). */
  redirectBlobs?: number;
  /** How many requests a signed URL is good for; then it gets 403 (S3, Azure, R2 after minutes). */
  signedUrlUses?: number;
  /** The offset of one byte that is not what was stored, by blob: a damaged disk. */
  damaged?: Record<Digest, number>;
  /** How many bytes there still are, by blob: a disk that was full, and a registry that did not notice. */
  truncated?: Record<Digest, number>;
  /** Bodies of blobs that do not come through. */
  breakDownload?: BrokenBody;

  /** So many manifests get MANIFEST_BLOB_UNKNOWN though the blobs are there (GHCR right after a commit). It counts down. */
  manifestLag?: number;
  /** Docker's manifests are taken only as Quay's schema has them: gzipped tar archives, and a config with `history`. */
  strictManifests?: boolean;
  /** Manifests of this media type get 415 (zot without `compat` for docker's). */
  refuseType?: string;
  /** `Docker-Content-Digest` of manifests: that of other bytes, or none. */
  contentDigest?: "wrong" | "absent";
  /** DELETE of manifests and blobs gets this status: 405 (Docker Hub, GHCR). */
  refuseDeletes?: number;
  /** DELETE of a manifest by tag gets this status: 400 or 405 (distribution 2.x, Quay). */
  refuseTagDeletes?: number;
  /** The most tags on a page (Quay: 50, GHCR: 100). */
  tagPageSize?: number;
  /** The next page is named by a token, and `last` is not looked at (Quay). */
  opaqueLinks?: boolean;
  /** A list leaves out the tags of which another tag is a prefix (distribution 3.1.0 and 3.1.1 on S3). */
  hideLongerTags?: boolean;
  /** A list without tags is `null` (distribution 2.8 when the last one is gone). */
  nullTags?: boolean;
}

/** Takes the failure that is meant for a request, if there is one. */
export function takeFailure(faults: Faults, method: string, path: string): Failure | undefined {
  for (const failure of faults.failNext ?? []) {
    const fits = failure.times > 0 && (failure.method ?? method) === method &&
      (failure.path?.test(path) ?? true);
    if (!fits) continue;
    if (failure.skip) {
      failure.skip--;
      continue;
    }
    failure.times--;
    return failure;
  }
  return undefined;
}

/** Whether a request comes too soon after the one before. */
export function isOverLimit(limit: Faults["limit"], origin: Origin): boolean {
  if (!limit || origin !== "registry") return false;
  const now = limit.now();
  if (now - (limit.last ?? -Infinity) < limit.interval) return true;
  limit.last = now;
  return false;
}

/** Takes one of the times that a fault is to happen. */
export function takeTime(faults: Faults, fault: "loseCommitAnswer" | "manifestLag"): boolean {
  const left = faults[fault] ?? 0;
  if (left > 0) faults[fault] = left - 1;
  return left > 0;
}

/** The bytes of a blob that a body brings, from `start` up to, and not with, `end`. */
export interface BodyRange {
  start: number;
  end: number;
  digest?: Digest;
}

/** Takes one of the times that a body breaks; `after` is counted from its beginning then. */
export function takeBreak(body: BrokenBody | undefined, range: BodyRange): BrokenBody | undefined {
  if (!body || body.times <= 0 || ![body.digest ?? range.digest].flat().includes(range.digest)) {
    return undefined;
  }
  const after = body.inBlob ? body.after - range.start : body.after;
  if (body.inBlob && (after < 0 || after > range.end - range.start)) return undefined;
  body.times--;
  return { ...body, after };
}
