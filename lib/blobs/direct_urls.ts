/** Where bytes can be fetched without layerstash, and what has to be shown there. @module */
import type { PlatformOptions } from "../images/platforms.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { findStash } from "../stash/find_stash.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { findBlobs, type NamedBlobs } from "./named_blobs.ts";

/** A blob, and where it is. */
export interface DirectBlob extends SizedBlob {
  /** `https://HOST/v2/REPOSITORY/blobs/DIGEST`, or a `file:` URL of a directory. */
  url: string;
}

/** What is fetched: one file, of these blobs. */
export interface DirectFile {
  /** The name that the file had, or the one that it goes by: fit to be written to. */
  name: string;
  /** The blobs, in order. */
  blobs: DirectBlob[];
}

/** What a request has to show: nothing, a token that anybody may use, one that has to be asked for, or a password. */
export type DirectAccess = { kind: "open" } | { kind: "anybody"; token: string } | { kind: "token" } | {
  kind: "password";
};

/**
 * Finds the URLs of the chunks of a stash.
 *
 * @throws {InvalidInputError} if `baseTag` is not a valid tag
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { stashUrls } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * const { blobs } = await stashUrls(store, "note");
 * if (await (await fetch(blobs[0]!.url)).text() !== "hello") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function stashUrls(
  store: Store,
  baseTag: string,
  options: CallOptions = {},
): Promise<DirectFile> {
  const { name, chunks } = await findStash(store, baseTag, options);
  return { name: fitName(name) ?? baseTag, blobs: chunks.map((chunk) => located(store, chunk)) };
}

/**
 * Finds the URLs of blobs. `names` are digests, aliases (`@NAME`) and manifests.
 *
 * @throws {InvalidInputError} if a name is neither a digest nor an alias
 * @throws {NotFoundError} if a blob or alias does not exist
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { blobUrls, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const { blobs } = await blobUrls(store, ["@greeting"]);
 * if (await (await fetch(blobs[0]!.url)).text() !== "hello") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function blobUrls(
  store: Store,
  names: readonly NamedBlobs[],
  options: PlatformOptions = {},
): Promise<DirectFile> {
  const blobs = await findBlobs(store, names, options);
  const [first] = names;
  const alias = typeof first === "string" && first.startsWith("@") ? first.slice(1) : undefined;
  return { name: fitName(alias) ?? "blob", blobs: blobs.map((blob) => located(store, blob)) };
}

function located(store: Store, { digest, size }: SizedBlob): DirectBlob {
  return { digest, size, url: store.blobUrl(digest).href };
}

/** The name of the file is in the registry, and may be made to do harm: a path, an option, a hidden file. */
function fitName(name: string | undefined): string | undefined {
  return name !== undefined &&
      /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}/\\:.-][^\p{C}\p{Zl}\p{Zp}/\\:]*$/u.test(name)
    ? name
    : undefined;
}
