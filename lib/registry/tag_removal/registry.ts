/** Removes one tag through the registry itself, and leaves alone the tags that point to the same manifest. @module */
import { NotAllowedError, RegistryError } from "../../errors.ts";
import type { RegistryClient } from "../client.ts";
import { ENDPOINTS } from "../endpoints.ts";
import { pushPlaceholder } from "../../store/placeholder.ts";
import type { CallOptions, Store } from "../../store/store.ts";
import type { TagRemover } from "./tag_remover.ts";

/**
 * Makes the remover that uses the registry itself. Some registries can delete a tag by its name. Others (distribution 2)
 * only delete manifests by digest, **with all tags that point there**: there the tag is first moved to a placeholder of its
 * own, and the placeholder is deleted.
 */
export function registryTagRemover(client: RegistryClient, store: Store): TagRemover {
  let byDigest: Promise<void> | undefined;
  return {
    get refusesNames() {
      return byDigest !== undefined;
    },
    async remove(tag, options = {}) {
      if (!byDigest && await deletedByName(client, tag, options)) return;
      if (await store.resolve(tag, options) === undefined) return;
      await (byDigest ??= requireDeletes(store, options));
      await removeThroughPlaceholder(client, store, tag, options);
    },
  };
}

/**
 * Each attempt has a placeholder of its own: if other tags change meanwhile, distribution 2 deletes the manifest, then fails
 * (500) and leaves the tag in its list. A second deletion would only be answered that the manifest is gone.
 */
async function removeThroughPlaceholder(
  client: RegistryClient,
  store: Store,
  tag: string,
  options: CallOptions,
): Promise<void> {
  const what = `the removal of the tag ${tag}`;
  for (let attempt = 1;; attempt++) {
    const { digest } = await pushPlaceholder(store, tag, options);
    try {
      const answer = await client.once(ENDPOINTS.deleteManifest(digest, what), options);
      return await answer.body?.cancel();
    } catch (error) {
      await client.waitToRetry({ error, what, attempt }, options);
    }
  }
}

async function deletedByName(client: RegistryClient, tag: string, options: CallOptions): Promise<boolean> {
  const answer = await client.call(ENDPOINTS.deleteTag(tag), options);
  await answer.body?.cancel();
  return answer.ok || answer.status === 404;
}

/** Tries to delete a manifest without a tag, before a tag is moved for a deletion that is refused. */
async function requireDeletes(store: Store, options: CallOptions): Promise<void> {
  const trial = await pushPlaceholder(store, undefined, options).catch((error) => {
    if (!(error instanceof RegistryError) || error.status !== 405) throw error;
    throw error.with({ message: `${store.name} removes nothing: the registry answers 405 to every change` });
  });
  try {
    await store.removeManifest(trial.digest, options);
  } catch (error) {
    if (!(error instanceof RegistryError) || ![400, 405, 501].includes(error.status)) throw error;
    throw new NotAllowedError(
      `${store.name} deletes nothing: the registry answers ${error.status} to every removal`,
      {
        hint: "its owner has to allow deletions (distribution: storage.delete.enabled)",
        cause: error,
      },
    );
  }
}
