/** Opens the store that holds an image. @module */
import { ArchiveStore } from "../archive/archive_store.ts";
import { type ImageReference, parseImage } from "../oci/image_reference.ts";
import { LayoutStore } from "../layout/layout_store.ts";
import { type OpenOptions, openStore } from "./open_store.ts";
import type { Store } from "../store/store.ts";

/** Options for opening an image. */
export type OpenImageOptions = Omit<OpenOptions, "registry" | "repository">;

/** The store of an image, which has to be closed, and the image's reference. */
export interface OpenedImage extends Disposable {
  /** The repository, layout or archive that holds the image. */
  store: Store;
  /** The tag or digest; `undefined` = the only image of a layout or an archive. */
  reference: string | undefined;
}

/**
 * Opens the store of an image. No request is sent yet.
 *
 * @param image such as `nginx:alpine`, `localhost:5000/me/app:1.2`, or `oci:DIR:TAG` for one OCI layout
 *   or archive
 * @throws {InvalidInputError} if the text is not an image reference
 *
 * @example
 * ```ts
 * import { openImage } from "@layerstash/cli/images";
 * using image = openImage("ghcr.io/me/app:1.2");
 * if (image.store.name !== "ghcr.io/me/app" || image.reference !== "1.2") throw new Error("unexpected image");
 * ```
 */
export function openImage(image: string | ImageReference, options: OpenImageOptions = {}): OpenedImage {
  const { address, repository, reference } = typeof image === "object" && image ? image : parseImage(image);
  const store = storeAt(address, repository, options);
  return { store, reference, [Symbol.dispose]: () => store.close() };
}

function storeAt(address: ImageReference["address"], repository: string, options: OpenImageOptions): Store {
  const { manifestFormat, onEvent } = options;
  if (address.kind === "archive") return new ArchiveStore(address, { onEvent });
  if (address.kind === "remote") return openStore({ ...options, registry: address.origin, repository });
  const { directory } = address;
  return new LayoutStore({ directory, name: `oci:${directory}`, manifestFormat, onEvent });
}
