/** Looks at a digest as that of a stored file, and says so if it is that of a blob. @module */
import { NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { lookAtTag, type TagContent } from "./chunk_image.ts";

/** The error of a digest that is that of a blob, and not that of a manifest. */
export class IsBlobError extends NotFoundError {}

/** After so many failures in a row, a blob is asked for: one alone may come from the network. */
const FAILURES = 2;

/**
 * Looks at what a digest stands for. Some registries answer 500 where a manifest is asked for by the digest of a blob
 * (distribution 2.8 does): before that is tried for long, the blob is asked for. Others serve manifests as blobs, too: a
 * manifest that was found counts.
 *
 * @throws {IsBlobError} if it is the digest of a blob
 */
export async function lookAtDigest(
  store: StoreReader,
  digest: Digest,
  options: CallOptions,
): Promise<TagContent> {
  const { signal, onEvent = store.onEvent } = options;
  const blob = new AbortController();
  let isManifest = false;
  const askForBlob = async () => {
    const size = await store.stat(digest, options).catch(() => undefined);
    if (size !== undefined && !isManifest) blob.abort(isBlob(store, digest));
  };
  const found = await lookAtTag(store, digest, {
    signal: AbortSignal.any([blob.signal, ...(signal ? [signal] : [])]),
    onLayer: () => void (isManifest = true),
    onEvent: (event) => {
      if (event.type === "retry" && event.attempt === FAILURES && !isManifest) void askForBlob();
      onEvent?.(event);
    },
  });
  if (found.kind === "absent") await askForBlob();
  signal?.throwIfAborted();
  blob.signal.throwIfAborted();
  return found;
}

function isBlob(store: StoreReader, digest: Digest): IsBlobError {
  return new IsBlobError(`${digest} is a blob, not a stored file`, {
    hint: commandLine("blob", "pull", addressIn(store, digest)),
  });
}
