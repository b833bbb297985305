/** Says what docker's own format means where an image goes to. @module */
import type { OnEvent } from "../events.ts";
import type { Manifest } from "../oci/manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { Store } from "../store/store.ts";

const DOCKER_TYPES = [IMAGE_MANIFEST.docker, IMAGE_INDEX.docker];

/** Tells that other programs do not see docker's format in a layout. To change it would be to change the digest. */
export function tellIfUnseen(
  store: Store,
  manifests: readonly Manifest[],
  onEvent: OnEvent | undefined,
): void {
  if (store.family !== "oci" || !manifests.some(({ mediaType }) => DOCKER_TYPES.includes(mediaType))) return;
  const message =
    "the image is in docker's own format, and stays so: skopeo and umoci do not see it in a directory; " +
    "for them use skopeo copy docker://IMAGE oci:DIR:TAG, which makes one with another digest";
  onEvent?.({ type: "notice", message });
}
