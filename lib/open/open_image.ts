/** Opens the store that holds an image. @module */
import { type Address, parseImage } from "../oci/address.ts";
import type { Store } from "../store/store.ts";
import { openAddress, type StoreOptions } from "./open_store.ts";

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
 * @throws {InvalidInputError} if the text is not an address
 *
 * @example
 * ```ts
 * import { openImage } from "@layerstash/cli/images";
 * using image = openImage("ghcr.io/me/app:1.2");
 * if (image.store.name !== "ghcr.io/me/app" || image.reference !== "1.2") throw new Error("unexpected image");
 * ```
 */
export function openImage(image: string | Address, options: StoreOptions = {}): OpenedImage {
  const address = typeof image === "object" && image ? image : parseImage(image);
  const store = openAddress(address, options);
  return { store, reference: address.reference, [Symbol.dispose]: () => store.close() };
}
