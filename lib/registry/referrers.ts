/** Referrers: manifests that say of another that it is their subject (OCI distribution spec, "Listing Referrers"). @module */
import * as v from "valibot";
import type { Descriptor } from "../oci/descriptor.ts";
import { descriptorSchema } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { readIndex } from "../oci/image_index.ts";
import { parseAs } from "../oci/manifest.ts";
import { referrersPath } from "./api_paths.ts";
import type { RegistryClient } from "./client.ts";
import { allNames } from "./name_pages.ts";
import type { CallOptions, Store } from "./store.ts";

/** The tag under which clients keep the list where a registry keeps none itself. */
export function fallbackTag(digest: Digest): string {
  return digest.replace(":", "-");
}

/** Whether a tag is that of such a list, and not of an image. */
export function isFallbackTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag);
}

/** What a page of the list holds. Each descriptor is given as text: pages are lists of names. */
const pageSchema = v.pipe(
  v.object({ manifests: v.nullish(v.array(descriptorSchema)) }),
  v.transform(({ manifests }) => (manifests ?? []).map((each) => JSON.stringify(each))),
);

/** What the registry itself lists; nothing where it knows no such list. */
export async function referrerNames(
  client: RegistryClient,
  digest: Digest,
  { signal }: CallOptions,
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const names = allNames(client, {
    first: client.urlOf(referrersPath(digest)),
    action: "pull",
    what: `list of what refers to ${digest}`,
    ifAbsent: () => {},
    schema: pageSchema,
    signal,
  });
  for await (const name of names) found.push(JSON.parse(name));
  return found;
}

/** What the list under the tag says. */
export async function fallbackReferrers(
  store: Store,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const list = await store.manifest(fallbackTag(digest), options);
  return list ? readIndex(list) : [];
}

const subjectSchema = v.looseObject({ subject: v.optional(v.looseObject({ digest: v.string() })) });

/** Whether a manifest says that another is its subject. */
export function namesSubject(bytes: Uint8Array, digest: Digest): boolean {
  return parseAs(subjectSchema, bytes, "manifest").subject?.digest === digest;
}
