/** Finds the authorization that other programs need to fetch a blob. @module */
import type { DirectAccess } from "../blobs/direct_urls.ts";
import { NotAllowedError } from "../errors.ts";
import { parseRegistry } from "../oci/registry_address.ts";
import type { Digest } from "../oci/digest.ts";
import { profileOf } from "../registry/profiles.ts";
import type { CallOptions } from "../store/store.ts";
import { type OpenOptions, openStore } from "./open_store.ts";
import { signInDemand } from "./request_token.ts";

/**
 * Finds the authorization that a request for a blob needs. GHCR gives public blobs to anybody with a fixed token; other
 * registries may require a requested token or a password.
 *
 * @throws {NotAllowedError} if the registry refuses the credentials
 *
 * @example
 * ```ts
 * import { directAccess } from "@layerstash/cli/blobs";
 *
 * const digest = `sha256:${"0".repeat(64)}` as const;
 * const { kind } = await directAccess(digest, { registry: "oci:box", repository: "me/files" });
 * if (kind !== "open") throw new Error("a directory asks nobody to sign in");
 * ```
 */
export async function directAccess(
  digest: Digest,
  options: OpenOptions & CallOptions,
): Promise<DirectAccess> {
  const address = parseRegistry(options.registry);
  if (address.kind === "layout") return { kind: "open" };
  const { anonymousBearer: token } = { ...profileOf(address.host), ...options.profile };
  if (
    token !== undefined && await isPublic(digest, { ...options, credentials: { kind: "bearer", token } })
  ) return { kind: "anybody", token };
  const { scheme } = await signInDemand({ ...options, actions: ["pull"] });
  return { kind: ({ none: "open", basic: "password", bearer: "token" } as const)[scheme] };
}

/** Whether anybody can read the blob with the public token. */
async function isPublic(digest: Digest, options: OpenOptions & CallOptions): Promise<boolean> {
  using store = openStore(options);
  try {
    return await store.stat(digest, options) !== undefined;
  } catch (error) {
    if (error instanceof NotAllowedError) return false;
    throw error;
  }
}
