/** Opens the store that holds an image. @module */
import { type ImageReference, parseImage } from "../oci/image_reference.ts";
import { LayoutStore } from "../layout/layout_store.ts";
import { type OpenOptions, openStore } from "./open_store.ts";
import type { Store } from "../store/store.ts";

/** Options for opening an image. */
export type OpenImageOptions = Omit<OpenOptions, "registry" | "repository">;

/** The store of an image, which has to be closed, and the image's reference. */
export interface OpenedImage extends Disposable {
  /** The repository or layout that holds the image. */
  store: Store;
  /** The tag or digest; `undefined` = the only image of a layout. */
  reference: string | undefined;
}

/**
 * Opens the store of an image. No request is sent yet.
 *
 * @param image such as `nginx:alpine`, `localhost:5000/me/app:1.2`, or `oci:DIR:TAG` for one OCI layout
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
  const store = address.kind === "layout"
    ? new LayoutStore({
      directory: address.directory,
      name: `oci:${address.directory}`,
      onEvent: options.onEvent,
    })
    : openStore({ ...options, registry: address.origin, repository });
  return { store, reference, [Symbol.dispose]: () => store.close() };
}
