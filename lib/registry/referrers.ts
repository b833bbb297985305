/** Referrers: manifests that name another as their subject (OCI distribution spec, "Listing Referrers"). @module */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { understoodEntry } from "../oci/image_index.ts";
import type { RegistryClient } from "./client.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { allItems } from "./pages.ts";
import type { CallOptions } from "../store/store.ts";

/** The referrers that the registry itself lists, each once; none where it keeps no such list. */
export async function listedReferrers(
  client: RegistryClient,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const first = ENDPOINTS.listReferrers(digest);
  const keyOf = (referrer: Descriptor) => referrer.digest;
  const list = { first, field: "manifests", read: understoodEntry, keyOf, ifAbsent: () => {} } as const;
  return await Array.fromAsync(allItems(client, { ...list, ...options }));
}
