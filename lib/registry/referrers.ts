/** Referrers: manifests that name another as their subject (OCI distribution spec, "Listing Referrers"). @module */
import * as v from "valibot";
import { type Descriptor, descriptorSchema } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RegistryClient } from "./client.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { allItems } from "./pages.ts";
import type { CallOptions } from "../store/store.ts";

const pageSchema = v.pipe(
  v.object({ manifests: v.nullish(v.array(descriptorSchema)) }),
  v.transform(({ manifests }) => manifests ?? []),
);

/** The referrers that the registry itself lists, each once; none where it keeps no such list. */
export async function listedReferrers(
  client: RegistryClient,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const first = ENDPOINTS.listReferrers(digest);
  const keyOf = (referrer: Descriptor) => referrer.digest;
  return await Array.fromAsync(
    allItems(client, { first, schema: pageSchema, keyOf, ...options, ifAbsent: () => {} }),
  );
}
