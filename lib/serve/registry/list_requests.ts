/** Lists of the registry: tags, referrers, and the catalog of repositories. @module */
import * as v from "valibot";
import { inParallel } from "../../async/pool.ts";
import { MismatchError } from "../../errors.ts";
import { annotationsSchema, type Descriptor } from "../../oci/descriptor.ts";
import { parseAs } from "../../oci/manifest.ts";
import { IMAGE_INDEX } from "../../oci/media_types.ts";
import { isTag } from "../../oci/reference.ts";
import type { ManifestReader } from "../../store/store.ts";
import type { ServedRepositories } from "../repositories.ts";
import { digestIn, pageOf } from "./names.ts";
import type { RegistryRequest } from "./registry_request.ts";

/** How many referrers are read at once: each may have 4 MiB. */
const MANIFESTS_AT_ONCE = 8;

/** The tags of a repository, in the order of their characters. */
export async function sendTags({ request, store, name, url }: RegistryRequest): Promise<Response> {
  const tags = await Array.fromAsync(store.tags({ signal: request.signal }));
  const { page, link } = pageOf(tags.filter(isTag).sort(), url);
  return Response.json({ name, tags: page }, { headers: link });
}

/** The names of all repositories. */
export async function sendCatalog(repositories: ServedRepositories, url: URL): Promise<Response> {
  const { page, link } = pageOf((await Array.fromAsync(repositories.names())).sort(), url);
  return Response.json({ repositories: page }, { headers: link });
}

/** The manifests whose subject has a digest, perhaps only those of one type of artifact. */
export async function sendReferrers({ request, store, word, url }: RegistryRequest): Promise<Response> {
  const found = await store.referrers(digestIn(word), { signal: request.signal });
  const described: Described[] = [...found];
  await inParallel(
    found.entries(),
    { jobs: MANIFESTS_AT_ONCE, signal: request.signal },
    async ([at, each]) => {
      described[at] = await describeReferrer(store, each);
    },
  );
  const type = url.searchParams.get("artifactType");
  const manifests = type === null ? described : described.filter(({ artifactType }) => artifactType === type);
  return referrersResponse(manifests, type === null ? {} : { "oci-filters-applied": "artifactType" });
}

/** The answer that lists referrers. */
export function referrersResponse(
  manifests: readonly Descriptor[],
  headers: Record<string, string> = {},
): Response {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests });
  return new Response(body, { headers: { ...headers, "content-type": IMAGE_INDEX.oci } });
}

const referrerSchema = v.object({
  artifactType: v.fallback(v.optional(v.string()), undefined),
  config: v.fallback(v.optional(v.object({ mediaType: v.string() })), undefined),
  annotations: v.fallback(annotationsSchema, undefined),
});

type Described = Descriptor & { artifactType?: string | undefined };

/** Adds to a descriptor what the referrer itself says: its type of artifact, and its annotations. */
async function describeReferrer(
  store: ManifestReader,
  descriptor: Descriptor,
): Promise<Described> {
  const manifest = await store.manifest(descriptor.digest);
  if (!manifest) return descriptor;
  try {
    const { artifactType, config, annotations } = parseAs(referrerSchema, manifest.bytes, "referrer");
    return { ...descriptor, artifactType: artifactType || config?.mediaType, annotations };
  } catch (error) {
    if (error instanceof MismatchError) return descriptor;
    throw error;
  }
}
