/** Referrers as every store has them: the list under a fallback tag (OCI distribution spec, "Referrers Tag Schema"). @module */
import * as v from "valibot";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { readIndex } from "../oci/image_index.ts";
import { parseAs } from "../oci/manifest.ts";
import type { CallOptions, ManifestReader } from "./store.ts";

/** The tag under which clients keep the list where a registry keeps none itself. */
export function fallbackTag(digest: Digest): string {
  return digest.replace(":", "-");
}

/** Whether a tag is that of such a list, and not of an image. */
export function isFallbackTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag);
}

/** What the list under the tag says. */
export async function fallbackReferrers(
  store: ManifestReader,
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
