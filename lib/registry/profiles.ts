/** Profiles of registries: how bytes go up, how large chunks may be, how tags are removed. @module */
import type { Family } from "../oci/media_types.ts";

/**
 * How the bytes of a blob go up:
 * - `parts`: bounded requests with a `Content-Range`; an interruption costs one part at most, or, where those that go up
 *   fast grow, ten seconds;
 * - `stream`: one PATCH with all the bytes, as docker itself does it;
 * - `put`: one PUT with all the bytes and the digest, which has to be known in advance.
 *
 * @category Stores
 */
export type PushMode = "parts" | "stream" | "put";

/**
 * How to treat one registry. Sizes are in bytes.
 *
 * @category Stores
 */
export interface RegistryProfile {
  /** How blobs are uploaded at first. A mode that the registry refuses is not tried again. */
  push: PushMode;
  /** The size of one part of an upload, in bytes. */
  partSize: number;
  /** Whether parts grow while they go up fast, to what goes up in ten seconds. */
  partsGrow: boolean;
  /** The chunk size that suits the registry, in bytes. */
  chunkSize: number;
  /** Whether the `Range` of an upload's status is `0-<count>` (Quay), where the spec has `0-<last byte>`. */
  uploadRangeIsCount: boolean;
  /** The family of new manifests: docker's, which the Python layerstash reads, or OCI's where docker's is refused. */
  family: Family;
  /** Which API removes a tag. */
  removal: "registry" | "docker-hub" | "github";
  /** Whether each GET of a manifest counts against a limit of the user's account. */
  manifestReadsCount: boolean;
  /** A fixed token with which anybody may read public repositories; absent = the registry has none. */
  anonymousBearer?: string;
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** The profile of an unknown registry. 60 MiB are whole parts of 10 MiB, distribution's unit on S3. */
const UNKNOWN: RegistryProfile = {
  push: "parts",
  partSize: 60 * MiB,
  partsGrow: true,
  chunkSize: 5 * GiB,
  uploadRangeIsCount: false,
  family: "docker",
  removal: "registry",
  manifestReadsCount: false,
};

const KNOWN: readonly (readonly [host: RegExp, profile: Partial<RegistryProfile>])[] = [
  // Docker Hub counts GETs of manifests as pulls, and allows 100 or 200 in six hours. HEAD does not count.
  [/^docker\.io$/, { removal: "docker-hub", manifestReadsCount: true }],
  // GHCR ends an upload after 10 minutes: four of 512 MiB get through at 29 Mbit/s. Parts over 4 MiB are refused there.
  [/^ghcr\.io$/, { push: "stream", chunkSize: 512 * MiB, removal: "github", anonymousBearer: "QQ==" }],
  [/\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/, { push: "put" }],
  [/^public\.ecr\.aws$/, { push: "put" }],
  // Google does not take parts.
  [/(\.|^)(gcr\.io|pkg\.dev)$/, { push: "stream" }],
  [/\.azurecr\.io$/, { partSize: 16 * MiB, partsGrow: false }],
  // Of docker's manifests Quay takes only those whose layers are gzipped tar archives.
  [/^quay\.io$/, { uploadRangeIsCount: true, family: "oci" }],
];

/** The profile of a registry, by its host. */
export function profileOf(host: string): RegistryProfile {
  const known = KNOWN.find(([pattern]) => pattern.test(host));
  return { ...UNKNOWN, ...known?.[1] };
}
