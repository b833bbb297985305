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
    "a removed file is gone": DELETES_DISABLED,
  },
};

const ONLY_SHA256 =
  "the fake knows sha256 only, as layerstash does; distribution answers a sha512 digest with a sha256 one";

/** Reasons by the beginning of the name of a test of the conformance suite. */
export const CONFORMANCE_EXPECTATIONS: Expectations = {
  "sha512 blobs/": ONLY_SHA256,
  "sha512/": ONLY_SHA256,
};
