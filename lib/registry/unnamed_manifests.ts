/** Removes manifests by their digest that nothing in a repository names: no tag, no index, no referrer. @module */
import { inParallel } from "../async/pool.ts";
import { NotFoundError } from "../errors.ts";
import { NAME_UNKNOWN } from "../oci/error_codes.ts";
import { ALGORITHMS, type Digest, digestOf } from "../oci/digest.ts";
import { isIndex, isIndexType } from "../oci/image_index.ts";
import type { Manifest } from "../oci/manifest.ts";
import { referencesOf } from "../oci/references.ts";
import { fallbackTag } from "../store/referrers.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";
import type { RegistryClient } from "./client.ts";
import { ENDPOINTS } from "./endpoints.ts";
import type { PagedList } from "./pages.ts";
import type { RegistryProfile } from "./profiles.ts";

/** A repository with more tags is not looked through: each costs a request. */
const MOST_TAGS = 2000;
/** How many tags are read at once. */
const JOBS = 4;

/** How a repository is looked through. */
interface UnnamedOptions extends CallOptions {
  removal: RegistryProfile["removal"];
  /** Lists the tags. */
  listTags: (ifAbsent: PagedList<string>["ifAbsent"]) => AsyncIterable<string>;
  /** Whether the registry is known to list all of them. */
  listsAllTags: boolean;
}

/** Removes those of the manifests that nothing names. See `Store.removeUnnamed`. */
export async function removeUnnamed(
  client: RegistryClient,
  store: ManifestReader,
  digests: readonly Digest[],
  options: UnnamedOptions,
): Promise<void> {
  if (options.removal === "github") return; // its API removes the manifest with its last tag
  const isHub = options.removal === "docker-hub"; // it refuses by itself (403) to delete what a tag or an index names
  const named = new NamedManifests(store, options);
  for (const digest of new Set(digests)) {
    const isUnnamed = isHub || await named.isUnnamed(digest);
    if (isUnnamed === undefined) return;
    if (!isUnnamed) continue;
    const call = ENDPOINTS.deleteUnnamed(digest);
    const answer = await (isHub ? client.once(call, options) : client.call(call, options)); // Docker Hub may fail (500)
    await answer.body?.cancel();
    if (!answer.ok && ![403, 404].includes(answer.status)) return; // it deletes no manifest
  }
}

/** Makes sure that an absent list of tags means that there are none: a registry may have no such list at all. */
function requireNoTags(codes: readonly string[], listsAllTags: boolean): void {
  if (listsAllTags && codes.includes(NAME_UNKNOWN)) return; // distribution 2 forgets a repository with its last tag
  throw new NotFoundError("the registry does not list the tags");
}

/**
 * What the tags of a repository name. A registry that deletes a manifest by its digest also deletes every tag of it. So each
 * tag is read, once; and before each answer those that have come meanwhile. A tag that was read, and then is moved to one of
 * the manifests, is not noticed: to read all tags again for each manifest would take too many requests.
 */
class NamedManifests {
  readonly #store: ManifestReader;
  readonly #options: UnnamedOptions;
  /** The tags and indexes that were read. */
  readonly #read: Set<string> = new Set();
  /** The digests that tags lead to, and all that are written in their manifests, and in the indexes that these list. */
  readonly #named: Set<string> = new Set();

  /** Reads nothing yet. */
  constructor(store: ManifestReader, options: UnnamedOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Whether nothing names a manifest. `undefined` = that cannot be told: the list of tags may have gaps, or is too long. */
  async isUnnamed(digest: Digest): Promise<boolean | undefined> {
    const { listTags, listsAllTags, signal, onEvent } = this.#options;
    const tags: string[] = [];
    for await (const tag of listTags((_, codes) => requireNoTags(codes, listsAllTags))) {
      if (tags.push(tag) > MOST_TAGS) return this.#tooMany();
    }
    if (!listsAllTags && !showsNoGap(tags.sort())) return undefined;
    await inParallel(tags, { jobs: JOBS, signal }, (tag, signal) => this.#look(tag, signal));
    const keptAbout = fallbackTag(digest); // a list of referrers, or signatures
    if (this.#named.has(digest) || tags.some((tag) => tag.startsWith(keptAbout))) return false;
    return (await this.#store.referrers(digest, { signal, onEvent })).length === 0;
  }

  async #look(reference: string, signal: AbortSignal): Promise<void> {
    if (this.#read.has(reference)) return;
    this.#read.add(reference);
    const manifest = await this.#store.manifest(reference, { signal, onEvent: this.#options.onEvent });
    if (!manifest) return;
    for (const algorithm of ALGORITHMS) this.#named.add(digestOf(manifest.bytes, { algorithm })); // one may be stored under both
    const text = new TextDecoder().decode(manifest.bytes); // also of kinds that are not known
    for (const [digest] of text.matchAll(/sha512:[0-9a-f]{128}|sha256:[0-9a-f]{64}/g)) {
      this.#named.add(digest);
    }
    for (const index of listedIndexes(manifest)) await this.#look(index, signal);
  }

  #tooMany(): undefined {
    const { name, onEvent } = this.#store;
    const message = `${name} has more than ${MOST_TAGS} tags: the space of what was removed stays in use`;
    (this.#options.onEvent ?? onEvent)?.({ type: "notice", message });
  }
}

/**
 * Whether a sorted list of tags shows that it is whole. Distribution 3.1 on S3 leaves out each tag of which another is a
 * prefix: where the list has such a pair, the registry is another one.
 */
function showsNoGap(tags: readonly string[]): boolean {
  return tags.length === 0 || tags.some((tag, index) => index > 0 && tag.startsWith(tags[index - 1]!));
}

function listedIndexes(manifest: Manifest): Digest[] {
  if (!isIndex(manifest)) return [];
  const { manifests } = referencesOf(manifest.bytes, manifest.mediaType);
  return manifests.filter(({ mediaType }) => isIndexType(mediaType)).map(({ digest }) => digest);
}
