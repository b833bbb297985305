/** Referrers: manifests that say of another that it is their subject (OCI distribution spec, "Listing Referrers"). @module */
import * as v from "valibot";
import { type Descriptor, descriptorSchema } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { referrersPath } from "./api_paths.ts";
import type { RegistryClient } from "./client.ts";
import { allNames } from "./pages.ts";
import type { CallOptions } from "../store/store.ts";

/** What a page of the list holds. Each descriptor is given as text: pages are lists of names. */
const pageSchema = v.pipe(
  v.object({ manifests: v.nullish(v.array(descriptorSchema)) }),
  v.transform(({ manifests }) => (manifests ?? []).map((each) => JSON.stringify(each))),
);

/** What the registry itself lists; nothing where it knows no such list. */
export async function referrerNames(
  client: RegistryClient,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const names = allNames(client, {
    first: client.urlOf(referrersPath(digest)),
    action: "pull",
    what: `list of what refers to ${digest}`,
    ifAbsent: () => {},
    schema: pageSchema,
    ...options,
  });
  for await (const name of names) found.push(JSON.parse(name));
  return found;
}
