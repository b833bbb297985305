/** Opens the store that holds an image. @module */
import { type ImageReference, parseImage } from "../oci/image_reference.ts";
import { LayoutStore } from "../layout/layout_store.ts";
import { type OpenOptions, openStore } from "./open_store.ts";
import type { Store } from "../store/store.ts";

/** How to reach an image. */
export type OpenImageOptions = Omit<OpenOptions, "registry" | "repository">;

/** A store, and the tag or digest of an image in it; `undefined` = the only image that there is. */
export interface OpenedImage extends Disposable {
  /** The repository, or the layout. */
  store: Store;
  /** The tag or digest. */
  reference: string | undefined;
}

/**
 * Opens the store that a reference names. Nothing is asked of it yet.
 *
 * @param image as `nginx:alpine`, `localhost:5000/me/app:1.2`, or `oci:DIR:TAG` for one OCI layout
 * @throws {InvalidInputError} when it is no reference
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
