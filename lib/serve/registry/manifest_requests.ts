/** Manifests of the registry: `/v2/<name>/manifests/<reference>`. @module */
import type { Bytes } from "../../content/bytes.ts";
import { MismatchError } from "../../errors.ts";
import { type Algorithm, algorithmOf, type Digest, digestOf, isDigest } from "../../oci/digest.ts";
import { collect } from "../../content/collect.ts";
import { declaredMediaType, type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../../oci/manifest.ts";
import { referencesOf } from "../../oci/references.ts";
import { subjectOf } from "../../store/referrers.ts";
import { statusOfConditions } from "../conditions.ts";
import { referenceIn, tagsIn } from "./names.ts";
import { Refusal, REFUSED } from "./refusal.ts";
import type { RegistryRequest } from "./registry_request.ts";

/** GET and HEAD of a manifest. */
export async function answerWithManifest({ request, store, word }: RegistryRequest): Promise<Response> {
  const manifest = await store.manifest(referenceIn(word), { signal: request.signal });
  if (!manifest) throw manifestUnknown(word);
  const { mediaType, digest, bytes } = manifest;
  const etag = `"${digest}"`;
  const headers = {
    "content-type": mediaType,
    "docker-content-digest": digest,
    etag,
  };
  const met = statusOfConditions(request.headers, { etag });
  if (met !== undefined) return new Response(null, { status: met, headers });
  const body = request.method === "HEAD" ? null : bytes;
  return new Response(body, { headers: { ...headers, "content-length": String(bytes.length) } });
}

/** PUT: stores a manifest under a tag, which leads to its sha256 digest; or under a digest, and perhaps tags beside it. */
export async function storeManifest({ request, store, name, word, url }: RegistryRequest): Promise<Response> {
  const reference = referenceIn(word);
  const tags = isDigest(reference) ? tagsIn(url) : [];
  const manifest = await receivedManifest(request, algorithmOf(reference));
  if (isDigest(reference) && reference !== manifest.digest) {
    throw new Refusal(REFUSED.digestInvalid, `the manifest has the digest ${manifest.digest}`);
  }
  await putAll(store, tags.length > 0 ? tags : [reference], manifest);
  const subject = subjectOf(manifest.bytes);
  const headers = {
    "location": `/v2/${name}/manifests/${manifest.digest}`,
    "docker-content-digest": manifest.digest,
    ...(subject && { "oci-subject": subject }),
    ...(tags.length > 0 && { "oci-tag": tags.join(", ") }),
  };
  return new Response(null, { status: 201, headers });
}

/** Stores a manifest under tags, or its digest: at once where the store can do that. */
async function putAll(
  store: RegistryRequest["store"],
  references: readonly string[],
  manifest: Manifest,
): Promise<void> {
  const options = { asRegistry: true };
  if (store.putManifests) {
    return await store.putManifests(new Map(references.map((each) => [each, manifest])), options);
  }
  for (const each of references) await store.putManifest(each, manifest, options);
}

/** DELETE: removes a tag, or, by its digest, a manifest with all its tags and what only it needs. */
export async function deleteManifest({ store, word }: RegistryRequest): Promise<Response> {
  const reference = referenceIn(word);
  const found = isDigest(reference) ? await store.manifest(reference) : await store.resolve(reference);
  if (!found) throw manifestUnknown(word);
  await store.removeManifest(reference, { asRegistry: true });
  if (isDigest(reference)) await deleteUnlisted(store, reference);
  return new Response(null, { status: 202 });
}

/** Frees what a manifest led to. One that only an index lists has no entry that could be freed: its file goes. */
async function deleteUnlisted(store: RegistryRequest["store"], digest: Digest): Promise<void> {
  await store.free?.([digest]);
  await store.remove(digest);
}

async function receivedManifest({ body, headers }: Request, algorithm: Algorithm): Promise<Manifest> {
  const bytes = await received(body);
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  try {
    const declared = declaredMediaType(bytes);
    if (declared !== undefined && type !== "" && declared.toLowerCase() !== type) {
      throw new MismatchError(`the manifest says that it is ${declared}, and its Content-Type is ${type}`);
    }
    const mediaType = declared ?? type;
    if (!/^[\w.+-]+\/[\w.+-]+$/.test(mediaType)) throw new MismatchError("the manifest has no media type");
    referencesOf(bytes, mediaType);
    return manifestOf(bytes, mediaType, { algorithm });
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw new Refusal(REFUSED.manifestInvalid, error.message, { detail: { digest: digestOf(bytes) } });
  }
}

async function received(body: Request["body"]): Promise<Bytes> {
  if (!body) return new Uint8Array();
  try {
    return await collect(body, MAX_MANIFEST_SIZE);
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw new Refusal(REFUSED.tooLarge, `a manifest has at most ${MAX_MANIFEST_SIZE} bytes`);
  }
}

function manifestUnknown(reference: string): Refusal {
  return new Refusal(REFUSED.manifestUnknown, "the manifest is unknown", { detail: { reference } });
}
