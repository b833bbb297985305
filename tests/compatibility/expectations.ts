/** What is known to fail, with the reason. A failure that is not in here fails the run, and so does one that no longer happens. @module */

/** Reasons by operation or test. */
export type Expectations = Record<string, string>;

const DELETES_DISABLED = "deletes are disabled at this server; the message says so, and nothing is lost";

/** By server, and then by operation. */
export const SERVER_EXPECTATIONS: Record<string, Expectations> = {
  "no-delete": {
    "alias remove": DELETES_DISABLED,
    "blob remove": DELETES_DISABLED,
    "remove a file": DELETES_DISABLED,
    "remove a file of 12 chunks": DELETES_DISABLED,
    "a removed file is gone": DELETES_DISABLED,
  },
  "gitea": {
    "copy an index of indexes there": "Gitea takes no index that lists an index (MANIFEST_INVALID)",
    "copy an index of indexes back": "it could not be stored before",
  },
  "olareg": { "repos": "olareg has no list of its repositories; the message says so" },
};

const ONLY_SHA256 =
  "the fake knows sha256 only, as most registries do; distribution answers a sha512 digest with a sha256 one";

/** Reasons by the beginning of the name of a test of the conformance suite. */
export const CONFORMANCE_EXPECTATIONS: Expectations = {
  "sha512 blobs/": ONLY_SHA256,
  "sha512/": ONLY_SHA256,
};

const SKOPEO_DOCKER =
  "skopeo takes no files as layers in docker's manifests; --manifest-format oci stores what it reads";

/** Reasons by what a client reads or writes. */
export const CLIENT_EXPECTATIONS: Expectations = {
  "skopeo reads: stored file, docker's manifests": SKOPEO_DOCKER,
  "skopeo reads: alias, docker's manifest": SKOPEO_DOCKER,
  "umoci reads: saved index": "umoci 0.4 opens no index for several platforms",
  "umoci reads: layout, zstd layers": "umoci 0.4 knows no zstd",
  "oras reads: layout, a full name": "oras takes only tags as names in a layout",
};
