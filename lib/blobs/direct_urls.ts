/** Where bytes can be fetched without layerstash, and what has to be shown there. @module */
import type { PlatformOptions } from "../images/platforms.ts";
import type { Store } from "../store/store.ts";
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

/** What `directUrls` takes: the name of a stash, or names of blobs. */
export type DirectUrlsOptions =
  & PlatformOptions
  & ({ baseTag: string; blobs?: undefined } | { blobs: readonly NamedBlobs[]; baseTag?: undefined });

/**
 * The URLs of the blobs of a stash, an alias or anything else.
 *
 * @throws {InvalidInputError} when a name is none
 * @throws {NotFoundError} when there is no such stash, blob or alias
 *
 * @example
 * ```ts
 * import { directUrls, openStore, pushBlob } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, { input: new Response("hello").body!, alias: "greeting" });
 * const { blobs } = await directUrls(store, { blobs: ["@greeting"] });
 * if (await (await fetch(blobs[0]!.url)).text() !== "hello") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function directUrls(store: Store, options: DirectUrlsOptions): Promise<DirectFile> {
  const located = ({ digest, size }: SizedBlob) => ({ digest, size, url: store.blobUrl(digest).href });
  if (options.baseTag !== undefined) {
    const { name, chunks } = await findStash(store, options.baseTag, options);
    return { name: fitName(name) ?? options.baseTag, blobs: chunks.map(located) };
  }
  const blobs = await findBlobs(store, options.blobs, options);
  const [first] = options.blobs;
  const alias = typeof first === "string" && first.startsWith("@") ? first.slice(1) : undefined;
  return { name: fitName(alias) ?? "blob", blobs: blobs.map(located) };
}

/** The name of the file is in the registry, and may be made to do harm: a path, an option, a hidden file. */
function fitName(name: string | undefined): string | undefined {
  return name !== undefined &&
      /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}/\\:.-][^\p{C}\p{Zl}\p{Zp}/\\:]*$/u.test(name)
    ? name
    : undefined;
}
