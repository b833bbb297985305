/** The fallback list of referrers, which every store can hold (OCI distribution spec, "Referrers Tag Schema"). @module */
import * as v from "valibot";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { readIndex } from "../oci/image_index.ts";
import { parseAs } from "../oci/manifest.ts";
import type { CallOptions, ManifestReader } from "./store.ts";

/** The tag under which clients keep the referrers of a manifest where the registry has no referrers API. */
export function fallbackTag(digest: Digest): string {
  return digest.replace(":", "-");
}

/** Whether a tag holds such a list, and not an image. */
export function isFallbackTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag);
}

/** The referrers that the list under the fallback tag names; empty where there is no list. */
export async function fallbackReferrers(
  store: ManifestReader,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const list = await store.manifest(fallbackTag(digest), options);
  return list ? readIndex(list) : [];
}

const subjectSchema = v.looseObject({ subject: v.optional(v.looseObject({ digest: v.string() })) });

/** Whether the subject of a manifest is the one with this digest. */
export function namesSubject(bytes: Uint8Array, digest: Digest): boolean {
  return parseAs(subjectSchema, bytes, "manifest").subject?.digest === digest;
}
