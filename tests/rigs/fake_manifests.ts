/** Manifests and tags of the fake registry. @module */
import * as v from "valibot";
import { type Digest, digestOf, isDigest } from "../../lib/oci/digest.ts";
import { MAX_MANIFEST_SIZE, parseAs } from "../../lib/oci/manifest.ts";
import { IMAGE_INDEX, IMAGE_LAYER, IMAGE_MANIFEST } from "../../lib/oci/media_types.ts";
import type { Fake } from "./fake.ts";
import type { Exchange } from "./fake_exchange.ts";
import { takeTime } from "./fake_faults.ts";
import type { StoredManifest } from "./fake_storage.ts";

/** What is being spoken of. */
interface Named {
  repository: string;
  reference: string;
}

const blobEntry = v.object({
  mediaType: v.optional(v.string()),
  digest: v.string(),
  urls: v.optional(v.array(v.string())),
});
const document = v.object({
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  annotations: v.optional(v.record(v.string(), v.string())),
  subject: v.optional(v.object({ digest: v.string() })),
  config: v.optional(blobEntry),
  layers: v.optional(v.array(blobEntry), []),
  manifests: v.optional(v.array(blobEntry), []),
});
type Document = v.InferOutput<typeof document>;

/** HEAD, GET, PUT and DELETE of a manifest. */
export async function handleManifest(fake: Fake, exchange: Exchange, named: Named): Promise<void> {
  const { refuseHead } = fake.faults;
  if (exchange.method === "HEAD" && refuseHead) return exchange.refuse(refuseHead, "UNSUPPORTED");
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      return sendManifest(fake, exchange, named);
    case "PUT":
      return await putManifest(fake, exchange, named);
    case "DELETE":
      return removeManifest(fake, exchange, named);
    default:
      return exchange.refuse(405, "UNSUPPORTED");
  }
}

function sendManifest(fake: Fake, exchange: Exchange, { repository, reference }: Named): void {
  const found = fake.storage.manifest(repository, reference);
  const accept = exchange.header("accept") ?? "";
  // distribution hides an OCI manifest from whoever does not say that they take it; `*/*` does not say it.
  const hidden = found && [IMAGE_MANIFEST.oci, IMAGE_INDEX.oci].includes(found.manifest.mediaType) &&
    !accept.includes(found.manifest.mediaType);
  if (!found || hidden) return exchange.refuse(404, "MANIFEST_UNKNOWN");
  const { mediaType, bytes } = found.manifest;
  exchange.answer(200, {
    "content-type": mediaType,
    "content-length": String(bytes.length),
    "etag": `"${found.digest}"`,
    ...contentDigest(fake, found.digest),
  }, bytes);
}

async function putManifest(fake: Fake, exchange: Exchange, { repository, reference }: Named): Promise<void> {
  const bytes = await exchange.readAll();
  const digest = digestOf(bytes);
  const mediaType = exchange.header("content-type") ?? "";
  const parsed = parseDocument(bytes);
  const valid = parsed && (parsed.mediaType ?? mediaType) === mediaType && bytes.length <= MAX_MANIFEST_SIZE;
  if (mediaType === fake.faults.refuseType) return exchange.refuse(415, "MANIFEST_INVALID");
  const refused = fake.faults.strictManifests && mediaType === IMAGE_MANIFEST.docker &&
    parsed && !isStrict(fake, repository, parsed);
  if (!valid || refused) return exchange.refuse(400, "MANIFEST_INVALID");
  if (reference.includes(":") && reference !== digest) return exchange.refuse(400, "DIGEST_INVALID");
  const missing = missingParts(fake, repository, parsed);
  if (missing.length > 0 || takeTime(fake.faults, "manifestLag")) {
    return exchange.refuse(400, "MANIFEST_BLOB_UNKNOWN", missing);
  }
  fake.storage.addManifest(repository, { mediaType, bytes }, isDigest(reference) ? undefined : reference);
  const location = `${fake.base.registry}/v2/${repository}/manifests/${digest}`;
  const subject = fake.faults.referrersApi && parsed.subject && { "oci-subject": parsed.subject.digest };
  exchange.answer(201, { location, ...contentDigest(fake, digest), ...subject });
}

function removeManifest(fake: Fake, exchange: Exchange, { repository, reference }: Named): void {
  const { refuseDeletes, refuseTagDeletes } = fake.faults;
  const refused = refuseDeletes ?? (isDigest(reference) ? undefined : refuseTagDeletes);
  if (refused) return exchange.refuse(refused, "UNSUPPORTED");
  const found = fake.storage.repositories.get(repository);
  if (!isDigest(reference)) {
    return found?.tags.delete(reference) ? exchange.answer(202) : exchange.refuse(404, "MANIFEST_UNKNOWN");
  }
  if (!found?.manifests.delete(reference)) return exchange.refuse(404, "MANIFEST_UNKNOWN");
  for (const [tag, digest] of found.tags) if (digest === reference) found.tags.delete(tag);
  exchange.answer(202);
}

/** The tags of a repository in the order of their bytes, a page at a time. */
export function listTags(fake: Fake, exchange: Exchange, repository: string): void {
  const found = fake.storage.repositories.get(repository);
  if (!found || found.manifests.size === 0) return exchange.refuse(404, "NAME_UNKNOWN");
  const all = [...found.tags.keys()];
  const isHidden = (tag: string) => all.some((other) => tag !== other && tag.startsWith(other));
  const listed = fake.faults.hideLongerTags ? all.filter((tag) => !isHidden(tag)) : all;
  const { items, link } = page(fake, exchange, listed);
  const tags = items.length === 0 && fake.faults.nullTags ? null : items;
  exchange.answer(
    200,
    { "content-type": "application/json", ...link },
    JSON.stringify({ name: repository, tags }),
  );
}

/** The manifests whose subject has a digest, all on one page; none where nobody knows the digest. */
export function sendReferrers(fake: Fake, exchange: Exchange, { repository, reference }: Named): void {
  const found = fake.storage.repositories.get(repository)?.manifests ?? new Map<Digest, StoredManifest>();
  const manifests = [...found].flatMap(([digest, { mediaType, bytes }]) => {
    const { subject, artifactType, config, annotations } = parseDocument(bytes) ?? {};
    if (subject?.digest !== reference) return [];
    return [{
      mediaType,
      digest,
      size: bytes.length,
      artifactType: artifactType ?? config?.mediaType,
      annotations,
    }];
  });
  const body = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
  exchange.answer(200, { "content-type": IMAGE_INDEX.oci }, body);
}

/** The names of all repositories, a page at a time. */
export function listRepositories(fake: Fake, exchange: Exchange): void {
  const { items, link } = page(fake, exchange, [...fake.storage.repositories.keys()]);
  exchange.answer(
    200,
    { "content-type": "application/json", ...link },
    JSON.stringify({ repositories: items }),
  );
}

function page(
  fake: Fake,
  exchange: Exchange,
  names: string[],
): { items: string[]; link: Record<string, string> } {
  const { tagPageSize = Infinity, opaqueLinks } = fake.faults;
  const asked = Number(exchange.query("n") ?? Infinity);
  const count = Math.min(asked, tagPageSize);
  const after = opaqueLinks ? atob(exchange.query("next_page") ?? "") : exchange.query("last") ?? "";
  const rest = names.sort((a, b) => a < b ? -1 : 1).filter((name) => name > after);
  const items = rest.slice(0, count);
  const last = items.at(-1);
  if (fake.faults.noLinks || last === undefined || rest.length <= count) return { items, link: {} };
  const next = opaqueLinks
    ? `next_page=${encodeURIComponent(btoa(last))}`
    : `last=${encodeURIComponent(last)}`;
  return { items, link: { link: `<${exchange.url.pathname}?${next}&n=${count}>; rel="next"` } };
}

function parseDocument(bytes: Uint8Array): Document | undefined {
  try {
    return parseAs(document, bytes, "manifest");
  } catch {
    return undefined;
  }
}

/** Blobs and child manifests that are listed but not there; layers with `urls` are kept elsewhere. */
function missingParts(fake: Fake, repository: string, { config, layers, manifests }: Document): string[] {
  const blobs = [...(config ? [config] : []), ...layers.filter((layer) => !layer.urls?.length)];
  return [
    ...blobs.filter(({ digest }) => !fake.storage.blob(repository, digest)),
    ...manifests.filter(({ digest }) => !fake.storage.manifest(repository, digest)),
  ].map(({ digest }) => digest);
}

/** Whether one of docker's manifests keeps to Quay's schema of them. */
function isStrict(fake: Fake, repository: string, { config, layers }: Document): boolean {
  const isGzip = layers.every(({ mediaType }) => mediaType === IMAGE_LAYER.docker.gzip);
  const pieces = config && fake.storage.blob(repository, config.digest)?.pieces;
  return isGzip && (pieces ?? []).some((piece) => /"history"/.test(new TextDecoder().decode(piece)));
}

function contentDigest(fake: Fake, digest: Digest): Record<string, string> {
  if (fake.faults.contentDigest === "absent") return {};
  const told = fake.faults.contentDigest === "wrong"
    ? digestOf(new TextEncoder().encode("something else"))
    : digest;
  return { "docker-content-digest": told };
}
