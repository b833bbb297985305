/** The error codes of registries that layerstash reacts to (OCI distribution spec, "Error Codes"). @module */

/** code-1: the registry does not have a blob. */
export const BLOB_UNKNOWN = "BLOB_UNKNOWN";
/** code-4: the bytes of an upload have another digest. */
export const DIGEST_INVALID = "DIGEST_INVALID";
/** code-5: a manifest lists a blob that the registry does not have. */
export const MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN";

/** code-9: the registry does not have a repository. */
export const NAME_UNKNOWN = "NAME_UNKNOWN";

/** code-2 and code-3: the registry no longer has an upload. The blob must be sent again from its beginning. */
export const UPLOAD_LOST: ReadonlySet<string> = new Set(["BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"]);

/**
 * The bytes of an upload do not begin at the registry's offset (distribution; the spec has only the status 416). The
 * upload continues from the offset that the registry names.
 */
export const RANGE_INVALID = "RANGE_INVALID";

/** code-14, and two codes of distribution: the same request may succeed later. */
export const BUSY: ReadonlySet<string> = new Set(["TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"]);
