/** The store that is a repository of a registry (OCI distribution spec). @module */
import { verified } from "../content/byte_stream.ts";
import type { ByteStream } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct, type SizedBlob } from "../oci/descriptor.ts";
import { algorithmOf, type Digest, isDigest } from "../oci/digest.ts";
import { parseReference, parseRepository } from "../oci/reference.ts";
import { typedName } from "../oci/registry_address.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Family } from "../oci/media_types.ts";
import { urlNamed } from "../http/answers.ts";
import { faultOfRange } from "../http/ranges.ts";
import { isBusyAnswer } from "../http/retry_after.ts";
import { sizeByReading, statBlob } from "./blob_presence.ts";
import { blobPath, type Call, ENDPOINTS } from "./endpoints.ts";
import { checkRange, requireStorable } from "../store/checks.ts";
import type { RegistryClient } from "./client.ts";
import { manifestOfAnswer } from "./manifest_answer.ts";
import { removeUnnamed } from "./unnamed_manifests.ts";
import { allItems, type PagedList, textOf } from "./pages.ts";
import type { RegistryProfile } from "./profiles.ts";
import { BlobPusher } from "./push/push.ts";
import { cancelUpload } from "./push/upload_session.ts";
import { FamilyChoice, type ManifestFormat } from "../store/manifest_format.ts";
import { fallbackReferrers } from "../store/referrers.ts";
import { listedReferrers } from "./referrers.ts";
import type {
  BlobOptions,
  BlobState,
  BrokenRead,
  CallOptions,
  ReadOptions,
  ReuseOptions,
  StatOptions,
  Store,
  TagsOptions,
  WriteOptions,
} from "../store/store.ts";
import { registryTagRemover } from "./tag_removal/registry.ts";
import type { TagRemover } from "./tag_removal/tag_remover.ts";

/** What a registry's store takes. */
export interface RegistryStoreOptions {
  /** For messages, such as `docker.io/me/files`. */
  name: string;
  client: RegistryClient;
  profile: RegistryProfile;
  /** The format of new manifests; absent = `auto`. */
  manifestFormat?: ManifestFormat | undefined;
  /** Makes the remover of tags for a service whose registry refuses to; absent = the registry removes them. */
  tagRemover?: (store: RegistryStore) => TagRemover;
  /** Completes the name of another repository, as `library/` does on Docker Hub; absent = names are complete. */
  fullName?: (repository: string) => string;
  /** Closes connections. */
  close(): void;
}

/** A repository of a registry as a store. */
export class RegistryStore implements Store {
  readonly name: string;
  readonly url: string;
  readonly onEvent: OnEvent | undefined;
  readonly chunkSize: number;
  readonly manifestReadsCount: boolean;
  readonly #client: RegistryClient;
  readonly #pusher: BlobPusher;
  readonly #choice: FamilyChoice;
  readonly #tagRemover: TagRemover;
  readonly #removal: RegistryProfile["removal"];
  readonly #close: () => void;
  readonly #fullName: (repository: string) => string;

  /** @param options the client, and how to treat the registry */
  constructor(options: RegistryStoreOptions) {
    const { client, profile } = options;
    this.name = options.name;
    this.url = client.urlOf("").href;
    this.onEvent = client.onEvent;
    this.chunkSize = profile.chunkSize;
    this.manifestReadsCount = profile.manifestReadsCount;
    this.#client = client;
    this.#choice = new FamilyChoice(profile.family, options.manifestFormat);
    this.#pusher = new BlobPusher({
      client,
      profile,
      stat: (digest, each) => this.stat(digest, each),
      probe: (digest, each) => sizeByReading(client, digest, each),
    });
    this.#tagRemover = options.tagRemover?.(this) ?? registryTagRemover(client, this);
    this.#removal = profile.removal;
    this.#close = options.close;
    this.#fullName = options.fullName ?? ((repository) => repository);
  }

  get family(): Family {
    return this.#choice.family;
  }

  changeFamily(family: Family): boolean {
    return this.#choice.change(family);
  }

  familyBeside(existing: Family | undefined): Family {
    return this.#choice.beside(existing);
  }

  blobUrl(digest: Digest): URL {
    return this.#client.urlOf(blobPath(digest));
  }

  async stat(digest: Digest, options: StatOptions = {}): Promise<number | undefined> {
    return await statBlob(this.#client, digest, options);
  }

  async read(digest: Digest, options: BlobOptions = {}): Promise<ByteStream> {
    return verified(await this.readUnverified(digest, { ...options, range: undefined }), digest);
  }

  async readUnverified(
    digest: Digest,
    { range, what = `the blob ${digest}`, ...options }: ReadOptions = {},
  ): Promise<ByteStream> {
    if (range) checkRange(range);
    const answer = await this.#client.call(ENDPOINTS.getBlob(digest, { what, range }), options);
    const body = (answer.body ?? new Blob().stream()) as ByteStream;
    const fault = range && faultOfRange(answer, range);
    if (!fault) return body;
    await body.cancel();
    throw fault;
  }

  async waitToResume(broken: BrokenRead, options: CallOptions = {}): Promise<void> {
    await this.#client.waitToRetry(broken, options);
  }

  async write(source: Source, options: WriteOptions = {}): Promise<Descriptor> {
    return await storing(() => this.#pusher.push(source, withChannel(options, this)));
  }

  expectWrites(sizes: readonly number[], options: CallOptions = {}): AsyncDisposable {
    return this.#pusher.expect(sizes, withChannel(options, this));
  }

  async reuse({ digest, size }: SizedBlob, { what, signal, onEvent }: ReuseOptions = {}): Promise<BlobState> {
    const found = await sizeByReading(this.#client, digest, { what, signal, onEvent });
    if (found === undefined) return "absent";
    return found === size ? "present" : "damaged";
  }

  async mount(digest: Digest, from: string, options: CallOptions = {}): Promise<boolean> {
    const source = this.#fullName(parseRepository(from));
    const answer = await this.#client.call(ENDPOINTS.mountBlob(digest, source), options)
      .catch(undefinedIfNotAllowed);
    await answer?.body?.cancel();
    if (answer?.status === 202) await this.#cancelUpload(answer.headers.get("location"), options);
    return answer?.status === 201;
  }

  async remove(digest: Digest, options: CallOptions = {}): Promise<void> {
    await this.#done(ENDPOINTS.deleteBlob(digest), options);
  }

  async manifest(reference: string, options: CallOptions = {}): Promise<Manifest | undefined> {
    const read = (answer: Response) => manifestOfAnswer(answer, reference);
    return await this.#client.callFor(ENDPOINTS.manifest("GET", reference), options, read);
  }

  async resolve(reference: string, options: CallOptions = {}): Promise<Digest | undefined> {
    const answer = await this.#client.call(ENDPOINTS.manifest("HEAD", reference), options);
    if (answer.status === 404) return undefined;
    const digest = answer.ok ? answer.headers.get("docker-content-digest") : null;
    const isAnswer = isDigest(digest) &&
      (!isDigest(reference) || algorithmOf(digest) === algorithmOf(reference));
    return isAnswer ? digest : (await this.manifest(reference, options))?.digest;
  }

  async putManifest(reference: string, manifest: Manifest, options: CallOptions = {}): Promise<void> {
    requireStorable(reference, manifest);
    await storing(async () => {
      const isStored = algorithmOf(manifest.digest) !== "sha256" && !isDigest(reference) &&
        await this.#putTagged(reference, manifest, options);
      if (!isStored) await this.#done(ENDPOINTS.putManifest(reference, manifest), options);
    });
  }

  /**
   * Stores a manifest under a tag and its digest: a tag alone leads to the sha256 digest. Returns whether the registry knows
   * how to do that.
   */
  async #putTagged(tag: string, manifest: Manifest, options: CallOptions): Promise<boolean> {
    const answer = await this.#client.call(ENDPOINTS.putTaggedManifest(tag, manifest), options);
    await answer.body?.cancel();
    const tags = answer.headers.get("oci-tag")?.split(",").map((each) => each.trim());
    if (answer.ok && tags?.includes(tag)) return true;
    const message =
      `${this.#client.host} gives tags to sha256 digests only: ${tag} leads to that of the manifest`;
    (options.onEvent ?? this.onEvent)?.({ type: "notice", message });
    return false;
  }

  async referrers(digest: Digest, options: CallOptions = {}): Promise<Descriptor[]> {
    const listed = await listedReferrers(this.#client, digest, options);
    return distinct([...listed, ...await fallbackReferrers(this, digest, options)]);
  }

  async removeManifest(reference: string, options: CallOptions = {}): Promise<void> {
    if (!isDigest(reference)) return await this.#tagRemover.remove(parseReference(reference), options);
    await this.#done(ENDPOINTS.deleteManifest(reference), options);
  }

  async removeUnnamed(digests: readonly Digest[], options: CallOptions = {}): Promise<void> {
    await removeUnnamed(this.#client, this, digests, {
      ...options,
      removal: this.#removal,
      listsAllTags: this.#tagRemover.refusesNames ?? false,
      listTags: (ifAbsent) => this.#listTags({ ...options, ifAbsent }),
    });
  }

  tags({ mustExist = false, ...options }: TagsOptions = {}): AsyncIterable<string> {
    return this.#listTags({
      ...options,
      ifAbsent: async (answer, codes) => {
        await this.#client.requireRegistry(answer, codes, options);
        if (mustExist) throw this.#unknownRepository();
      },
    });
  }

  #listTags(options: CallOptions & Pick<PagedList<string>, "ifAbsent">): AsyncIterable<string> {
    const first = ENDPOINTS.listTags(this.name);
    return allItems(this.#client, { first, field: "tags", read: textOf, keyOf: (tag) => tag, ...options });
  }

  close(): void {
    this.#close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #unknownRepository(): NotFoundError {
    const [, ofNobody] = /^docker\.io\/library\/([^/]+)$/.exec(this.name) ?? [];
    const check = ofNobody === undefined ? "check its name" : `name its owner, as in YOU/${ofNobody}`;
    return new NotFoundError(`there is no repository ${this.name}, or it is not shown to you`, {
      hint: `${check}, or sign in: layerstash login ${typedName(this.#client.host, this.url)}`,
    });
  }

  async #done(call: Call, options: CallOptions): Promise<void> {
    const answer = await this.#client.call(call, options);
    await answer.body?.cancel();
  }

  /** Cancels an upload that a refused mount has begun. */
  async #cancelUpload(location: string | null, options: CallOptions): Promise<void> {
    try {
      const to = location === null ? undefined : urlNamed(location, this.#client.urlOf("blobs/uploads/"));
      if (to) await cancelUpload(this.#client, to, options);
    } catch { /* it leads elsewhere: the registry drops the upload by itself */ }
  }
}

/** A user who may not read the other repository may still write to this one. */
function undefinedIfNotAllowed(error: unknown): undefined {
  if (!(error instanceof NotAllowedError)) throw error;
}

/** Makes a call that stores something. If the registry refuses, the error says what may be wrong with the registry. */
async function storing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof RegistryError) || error.hint !== undefined) throw error;
    throw error.with({ hint: refusalHint(error.status) });
  }
}

function refusalHint(status: number): string | undefined {
  if (status === 405) return "the registry may be read-only: ask its owner";
  if (isBusyAnswer(status)) {
    return "the registry has too much to do: the same command goes on later, and --jobs 1 asks it less";
  }
  if (status < 500) return undefined;
  return "the registry itself fails, its disk may be full: ask its owner; then the same command goes on";
}
