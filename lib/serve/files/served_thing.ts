/** What a name of a repository stands for, as it is served: a stored file, an image or a folder, or what others stored. @module */
import { findArtifact } from "../../artifacts/find_artifact.ts";
import { type Identities, needsKeyError } from "../../encryption/identities.ts";
import { MismatchError, NotFoundError } from "../../errors.ts";
import { decryptedImages } from "../../images/decrypted_images.ts";
import { isDigest } from "../../oci/digest.ts";
import { isTag } from "../../oci/reference.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import { chunkNumbers } from "../../stash/chunk_numbers.ts";
import { missesItsFirst, NoStashError } from "../../stash/stash_not_found.ts";
import { chunkNotFound } from "../../stash/torn_stash.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
import type { LookedUp } from "./memory.ts";
import { type ServedArtifact, servedArtifact } from "./served_artifact.ts";
import type { NamedThing } from "./platform_names.ts";
import { ServedImage } from "./served_image.ts";
import { findServedStash, isBroken, type ServedStash, stashVersion } from "./served_stash.ts";

/** What a name of a repository stands for. */
export type ServedThing = ServedStash | ServedImage | ServedArtifact;

/**
 * Finds what a tag, a digest or the name of a stored file stands for, and its version. Of an index it is one image.
 *
 * @throws {NotFoundError} if it stands for nothing, or for nothing that has the platform
 */
export async function findServedThing(
  store: StoreReader,
  { reference, platform }: NamedThing,
  options: CallOptions & { identities?: Identities | undefined },
): Promise<LookedUp<ServedThing>> {
  const mayBeStash = platform === undefined && !isDigest(reference);
  const stash = mayBeStash ? await findStashIfAny(store, reference, options) : undefined;
  if (stash) return stash;
  const version = await store.resolve(reference, options) ?? "";
  const { identities, ...call } = options;
  const reader = decryptedImages(store, { identities, quiet: true });
  const artifact = await findArtifact(reader, reference, { ...call, platform, orFirst: true }).catch(
    async (error) => {
      if (mayBeStash && error instanceof NotFoundError) await requireNoChunks(store, reference, call);
      throw error;
    },
  );
  const { kind, platforms } = artifact;
  if (kind === "encrypted folder") throw needsKeyError(reference);
  if (platform !== undefined && !platforms) throw new NotFoundError(`${reference} has no platforms`);
  const value = kind === "folder" || kind === "container image"
    ? await ServedImage.find(reader, artifact, call)
    : servedArtifact(store, artifact, call);
  return { value, version };
}

async function findStashIfAny(
  store: StoreReader,
  name: string,
  options: CallOptions & { identities?: Identities | undefined },
): Promise<LookedUp<ServedThing> | undefined> {
  const tag = chunkTag(name, 1);
  const first = isTag(tag) ? await store.resolve(tag, options) : undefined;
  if (first === undefined) return undefined;
  try {
    return await findServedStash(store, name, { ...options, first });
  } catch (error) {
    if (error instanceof NoStashError) return undefined;
    if (!(error instanceof NotFoundError)) throw error;
    const { message } = error;
    // The file is there. Where no chunk is missing, something else is that it needs.
    throw isBroken(error) ? error : new MismatchError(message, { cause: error });
  }
}

/**
 * Makes sure that a name has no chunks.
 *
 * @throws {IncompleteStashError} if it has some, and not the first
 */
async function requireNoChunks(store: StoreReader, name: string, options: CallOptions): Promise<void> {
  const numbers = await chunkNumbers(store, name, options);
  if (await missesItsFirst(store, name, numbers, options)) throw chunkNotFound(name, 1);
}

/** What changes when the name stands for another thing. Asking for it does not count at any registry. */
export async function thingVersion(
  store: StoreReader,
  reference: string,
  thing: ServedThing,
): Promise<string> {
  if (thing.kind === "stash") return await stashVersion(store, reference, thing);
  return await store.resolve(reference) ?? "";
}

/** Turns the error of what does not exist into `undefined`; to be used with `catch`. */
export function undefinedIfAbsent(error: unknown): undefined {
  if (!(error instanceof NotFoundError) || isBroken(error)) throw error;
}
