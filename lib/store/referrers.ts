/** The fallback list of referrers, which every store can hold (OCI distribution spec, "Referrers Tag Schema"). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { algorithmOf, type Digest, encodedPart, isDigest } from "../oci/digest.ts";
import { isIndex, understoodEntries } from "../oci/image_index.ts";
import { parseAs } from "../oci/manifest.ts";
import type { CallOptions, ManifestReader } from "./store.ts";

/** How many digits of a digest are in a fallback tag: all of a sha256 digest. A longer one makes no tag. */
const DIGITS = 64;

/** The tag under which clients keep the referrers of a manifest where the registry has no referrers API. */
export function fallbackTag(digest: Digest): string {
  return `${algorithmOf(digest)}-${encodedPart(digest).slice(0, DIGITS)}`;
}

/** Whether a tag holds such a list, or what cosign keeps of an image, and not an image itself. */
export function isFallbackTag(tag: string): boolean {
  return /^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$/.test(tag);
}

/** The referrers that the list under the fallback tag names; empty where there is no list. */
export async function fallbackReferrers(
  store: ManifestReader,
  digest: Digest,
  options: CallOptions,
): Promise<Descriptor[]> {
  const list = await store.manifest(fallbackTag(digest), options);
  return list && isIndex(list) ? understoodEntries(list) : []; // an image may have such a tag, too
}

const subjectSchema = v.looseObject({ subject: v.looseObject({ digest: v.custom<Digest>(isDigest) }) });

/** The digest of a manifest's subject; `undefined` = it has none. What is not a manifest has none either. */
export function subjectOf(bytes: Uint8Array): Digest | undefined {
  try {
    return parseAs(subjectSchema, bytes, "manifest").subject.digest;
  } catch (error) {
    if (error instanceof MismatchError) return undefined;
    throw error;
  }
}
