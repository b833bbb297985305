/** URLs at which other programs can fetch blobs, and the authorization that they need. @module */
import { encryptedBlobs } from "../images/encrypted_image.ts";
import { findImage, type ImageOptions } from "../images/image.ts";
import type { PlatformOptions } from "../images/platforms.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { readHeader } from "../encryption/age_file.ts";
import { keyKindOf } from "../encryption/header_text.ts";
import type { KeyKind } from "../encryption/identities.ts";
import { opensWith } from "../stash/encrypted_details.ts";
import { findStash } from "../stash/find_stash.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { verifiedRanges } from "../transfer/decrypted_blobs.ts";
import { findBlobs, type NamedBlobs } from "./named_blobs.ts";

/** A blob and its URL. */
export interface DirectBlob extends SizedBlob {
  /** `https://HOST/v2/REPOSITORY/blobs/DIGEST`, or a `file:` URL of a directory. */
  url: string;
}

/** A file, and the blobs that it consists of. */
export interface DirectFile {
  /** The name of the stored file if it is safe to write to, or else the base tag or alias. */
  name: string;
  /** The blobs, in order. */
  blobs: DirectBlob[];
  /** Present where each blob is a file of its own that has to be decrypted, and with what. */
  encryption?: { format: "age"; opensWith: KeyKind } | undefined;
}

/** The authorization that a request needs: none, a public token (`anybody`), a requested token, or a password. */
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
  const { name, chunks, encryption } = await findStash(store, baseTag, options);
  return {
    name: safeName(name) ?? safeName(baseTag) ?? "file",
    blobs: chunks.map((chunk) => withUrl(store, chunk)),
    ...(encryption && { encryption: { format: encryption.format, opensWith: opensWith(encryption) } }),
  };
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
  return { name: safeName(alias) ?? "blob", blobs: blobs.map((blob) => withUrl(store, blob)) };
}

/**
 * The URLs of the layers of a folder, from which `restoreRecipe` makes a script that restores it.
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { findArtifact } from "@layerstash/cli/artifacts";
 * import { layerUrls, restoreRecipe } from "@layerstash/cli/blobs";
 * import { uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 * const { folder } = await findArtifact(store, "site");
 * const script = restoreRecipe(layerUrls(store, { name: "site", ...folder! }), { access: { kind: "open" }, isFolder: true });
 * if (!script.includes("tar -x")) throw new Error(script);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function layerUrls(
  store: Store,
  { name, layers }: { name: string; layers: readonly SizedBlob[] },
): DirectFile {
  return { name: safeName(name) ?? "folder", blobs: layers.map((layer) => withUrl(store, layer)) };
}

/**
 * The URLs of the layers of an encrypted folder, and what opens them. The beginning of one is read.
 *
 * @throws {NotFoundError} if there is no such image
 * @throws {MismatchError} if it is not encrypted, or malformed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { encryptedLayerUrls, restoreRecipe } from "@layerstash/cli/blobs";
 * import { generateKey, Recipients } from "@layerstash/cli/encryption";
 * import { uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const encryptTo = await Recipients.of([(await generateKey()).recipient]);
 * await uploadFolder(store, "site", { directory: `${directory}/site`, encryptTo });
 * const script = restoreRecipe(await encryptedLayerUrls(store, "site"), { access: { kind: "open" }, isFolder: true });
 * if (!script.includes("age -d")) throw new Error(script);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function encryptedLayerUrls(
  store: Store,
  reference: string,
  options: ImageOptions = {},
): Promise<DirectFile> {
  const { manifest } = await findImage(store, reference, options);
  const { description, layers } = encryptedBlobs(manifest);
  const header = await readHeader(verifiedRanges(store, description, options), description.size);
  const encryption = { format: "age", opensWith: keyKindOf(header) } as const;
  return { ...layerUrls(store, { name: reference, layers }), encryption };
}

function withUrl(store: Store, { digest, size }: SizedBlob): DirectBlob {
  return { digest, size, url: store.blobUrl(digest).href };
}

/** The name, unless it could do harm as a file name: names in a registry may be paths, options or hidden files. */
function safeName(name: string | undefined): string | undefined {
  return name !== undefined &&
      /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}/\\:.-][^\p{C}\p{Zl}\p{Zp}/\\:]*$/u.test(name)
    ? name
    : undefined;
}
