/** The store that is a repository of a registry, over HTTP (OCI distribution spec). @module */
import * as v from "valibot";
import { verified } from "../content/byte_stream.ts";
import type { Source } from "../content/source.ts";
import { MismatchError, NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { type OnEvent, withChannel } from "../events.ts";
import { type Descriptor, distinct, type SizedBlob } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseReference, parseRepository } from "../oci/reference.ts";
import { declaredMediaType, type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { MANIFEST_TYPES } from "../oci/media_types.ts";
import { bytesOf, countOf, urlNamed } from "../http/answers.ts";
import { faultOfRange, lengthOf } from "../http/ranges.ts";
import { blobPath, manifestPath, mountPath } from "./api_paths.ts";
import { checkRange, requireStorable } from "../store/checks.ts";
import type { Call, RegistryClient } from "./client.ts";
import { allNames } from "./pages.ts";
import type { RegistryProfile } from "./profiles.ts";
import { BlobPusher } from "./push/push.ts";
import { fallbackReferrers } from "../store/referrers.ts";
import { referrerNames } from "./referrers.ts";
import type {
  BlobOptions,
  BlobState,
  BrokenRead,
  CallOptions,
  ReadOptions,
  ReuseOptions,
  Store,
  TagsOptions,
  WriteOptions,
} from "../store/store.ts";
import { registryTagRemover } from "./tag_removal/registry.ts";
import type { TagRemover } from "./tag_removal/tag_remover.ts";

/** What a remote store is made of. */
export interface RemoteOptions {
  /** For messages, such as `docker.io/me/files`. */
  name: string;
  client: RegistryClient;
  profile: RegistryProfile;
  /** Removes tags where the registry itself refuses to; absent = the registry does it. */
  tagRemover?: (store: RemoteStore) => TagRemover;
  /** The full name of another repository; absent = names are full. */
  fullName?: (repository: string) => string;
  /** Lets go of connections. */
  close(): void;
}

const tagsSchema = v.pipe(
  v.object({ tags: v.nullish(v.array(v.string())) }),
  v.transform(({ tags }) => tags ?? []),
);

/** A repository of a registry as a store. */
export class RemoteStore implements Store {
  readonly name: string;
  readonly url: string;
  readonly onEvent: OnEvent | undefined;
  readonly family = "docker";
  readonly chunkSize: number;
  readonly #client: RegistryClient;
  readonly #pusher: BlobPusher;
  readonly #tagRemover: TagRemover;
  readonly #close: () => void;
  readonly #fullName: (repository: string) => string;

  /** @param options what it is made of */
  constructor(options: RemoteOptions) {
    const { client, profile } = options;
    this.name = options.name;
    this.url = client.urlOf("").href;
    this.onEvent = client.onEvent;
    this.chunkSize = profile.chunkSize;
    this.#client = client;
    this.#pusher = new BlobPusher({
      client,
      profile,
      stat: (digest, each) => this.stat(digest, each),
    });
    this.#tagRemover = options.tagRemover?.(this) ?? registryTagRemover(client, this);
    this.#close = options.close;
    this.#fullName = options.fullName ?? ((repository) => repository);
  }

  blobUrl(digest: Digest): URL {
    return this.#client.urlOf(blobPath(digest));
  }

  async stat(
    digest: Digest,
    { what = `the blob ${digest}`, ...options }: BlobOptions = {},
  ): Promise<number | undefined> {
    const call = { to: blobPath(digest), action: "pull", what } as const;
    const head = await this.#client.call({ ...call, method: "HEAD", expect: [200, 403, 404, 405] }, options);
    if (head.status === 404) return undefined;
    const length = head.status === 200 ? lengthOf(head) : undefined;
    // Storage behind a registry may refuse HEAD (GHCR, GitLab), and a HEAD may lack the length.
    return length ?? await this.#sizeByReading(call, options);
  }

  async #sizeByReading(
    call: Pick<Call, "to" | "action" | "what">,
    options: CallOptions,
  ): Promise<number | undefined> {
    const headers = { range: "bytes=0-0" };
    const get: Call = { ...call, method: "GET", headers, expect: [200, 206, 404, 416] };
    const answer = await this.#client.call(get, options);
    await answer.body?.cancel();
    if (answer.status === 404) return undefined;
    const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
    return total === undefined ? lengthOf(answer) : countOf(total);
  }

  async read(digest: Digest, options: BlobOptions = {}): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return verified(await this.readUnverified(digest, { ...options, range: undefined }), digest);
  }

  async readUnverified(
    digest: Digest,
    { range, what = `the blob ${digest}`, ...options }: ReadOptions = {},
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    if (range) checkRange(range);
    const answer = await this.#client.call({
      method: "GET",
      to: blobPath(digest),
      action: "pull",
      what,
      expect: [200, 206],
      headers: range ? { range: `bytes=${range.start}-${range.end - 1}` } : {},
    }, options);
    const body = (answer.body ?? new Blob().stream()) as ReadableStream<Uint8Array<ArrayBuffer>>;
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

  async reuse({ digest, size }: SizedBlob, { what, signal, onEvent }: ReuseOptions = {}): Promise<BlobState> {
    const found = await this.stat(digest, { what, signal, onEvent });
    if (found === undefined) return "absent";
    return found === size ? "present" : "damaged";
  }

  async mount(digest: Digest, from: string, options: CallOptions = {}): Promise<boolean> {
    const source = this.#fullName(parseRepository(from));
    const answer = await this.#client.call({
      method: "POST",
      to: mountPath(digest, source),
      action: "push",
      alsoPull: source,
      what: `the blob ${digest} of ${from}`,
      expect: [201, 202, 400, 404, 405], // older Quays fail where they cannot mount
      headers: { "content-length": "0" },
    }, options).catch(noneIfNotAllowed);
    await answer?.body?.cancel();
    if (answer?.status === 202) await this.#cancelUpload(answer.headers.get("location"), options);
    return answer?.status === 201;
  }

  async remove(digest: Digest, options: CallOptions = {}): Promise<void> {
    const what = `the removal of the blob ${digest}`;
    const expect = [200, 202, 204, 404];
    await this.#done({ method: "DELETE", to: blobPath(digest), action: "delete", what, expect }, options);
  }

  async manifest(reference: string, options: CallOptions = {}): Promise<Manifest | undefined> {
    const call = this.#manifestCall("GET", reference);
    return await this.#client.callFor(call, options, (answer) => this.#readManifest(answer, reference));
  }

  async #readManifest(answer: Response, reference: string): Promise<Manifest | undefined> {
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    const bytes = await bytesOf(answer, { most: MAX_MANIFEST_SIZE, what: `manifest ${reference}` });
    const type = answer.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
    const manifest = manifestOf(
      bytes,
      MANIFEST_TYPES.includes(type) ? type : declaredMediaType(bytes) ?? type,
    );
    this.#checkDigest(manifest, reference, answer.headers.get("docker-content-digest"));
    return manifest;
  }

  async resolve(reference: string, options: CallOptions = {}): Promise<Digest | undefined> {
    const answer = await this.#client.call(this.#manifestCall("HEAD", reference), options);
    if (answer.status === 404) return undefined;
    const digest = answer.headers.get("docker-content-digest");
    return isDigest(digest) ? digest : (await this.manifest(reference, options))?.digest;
  }

  async putManifest(reference: string, manifest: Manifest, options: CallOptions = {}): Promise<void> {
    requireStorable(reference, manifest);
    const call: Call = {
      method: "PUT",
      to: manifestPath(reference),
      action: "push",
      what: `storing the manifest ${reference}`,
      expect: [200, 201, 202, 204],
      headers: { "content-type": manifest.mediaType },
      body: manifest.bytes,
      passing: ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"], // for some seconds after a commit (GHCR)
    };
    await storing(() => this.#done(call, options));
  }

  async referrers(digest: Digest, options: CallOptions = {}): Promise<Descriptor[]> {
    const listed = await referrerNames(this.#client, digest, options);
    return distinct([...listed, ...await fallbackReferrers(this, digest, options)]);
  }

  async removeManifest(reference: string, options: CallOptions = {}): Promise<void> {
    if (!isDigest(reference)) return await this.#tagRemover.remove(parseReference(reference), options);
    const what = `the removal of the manifest ${reference}`;
    const expect = [200, 202, 204, 404];
    await this.#done({
      method: "DELETE",
      to: manifestPath(reference),
      action: "delete",
      what,
      expect,
    }, options);
  }

  tags({ mustExist = false, ...options }: TagsOptions = {}): AsyncIterable<string> {
    return allNames(this.#client, {
      first: this.#client.urlOf("tags/list?n=1000"),
      action: "pull",
      what: `list of tags of ${this.name}`,
      ifAbsent: (codes) => mustExist && this.#requireKnown(codes),
      schema: tagsSchema,
      ...options,
    });
  }

  close(): void {
    this.#close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Registries that do not say why there are no tags may keep no such list: they are not blamed. */
  #requireKnown(codes: readonly string[]): void {
    if (!codes.includes("NAME_UNKNOWN")) return;
    throw new NotFoundError(`there is no repository ${this.name}, or it is not shown to you`, {
      hint: `check its name, or sign in: layerstash login ${this.#client.host}`,
    });
  }

  #manifestCall(method: string, reference: string): Call {
    const headers = { accept: MANIFEST_TYPES.join(", ") };
    return {
      method,
      to: manifestPath(reference),
      action: "pull",
      what: `the manifest ${reference}`,
      expect: [200, 404],
      headers,
    };
  }

  async #done(call: Call, options: CallOptions): Promise<void> {
    const answer = await this.#client.call(call, options);
    await answer.body?.cancel();
  }

  /** An upload that is not used is given back; a registry that cannot do that forgets it by itself. */
  async #cancelUpload(location: string | null, options: CallOptions): Promise<void> {
    if (location === null) return;
    try {
      const to = urlNamed(location, this.#client.urlOf("blobs/uploads/"));
      if (!to) return;
      const call = { method: "DELETE", to, action: "delete", what: "the end of an upload" } as const;
      await (await this.#client.once({ ...call, expect: [200, 202, 204] }, options)).body?.cancel();
    } catch { /* it is a courtesy */ }
  }

  #checkDigest({ digest }: Manifest, reference: string, announced: string | null): void {
    const expected = isDigest(reference) ? reference : isDigest(announced) ? announced : digest;
    if (digest === expected) return;
    throw new MismatchError(
      `the manifest ${reference} is corrupted: its bytes do not have the digest ${expected}`,
    );
  }
}

/** Who may not read the other repository may still write to this one. */
function noneIfNotAllowed(error: unknown): undefined {
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
  if (status < 500) return undefined;
  return "the registry itself fails, its disk may be full: ask its owner; then the same command goes on";
}
