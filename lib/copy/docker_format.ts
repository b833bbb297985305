/** Warns about docker's image format in OCI layouts. @module */
import type { OnEvent } from "../events.ts";
import type { Manifest } from "../oci/manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { Store } from "../store/store.ts";

const DOCKER_TYPES = [IMAGE_MANIFEST.docker, IMAGE_INDEX.docker];

/** Reports that other programs ignore docker's format in an OCI layout. Converting it would change the digest. */
export function warnOfDockerFormat(
  store: Store,
  manifests: readonly Manifest[],
  onEvent: OnEvent | undefined,
): void {
  if (store.family !== "oci" || !manifests.some(({ mediaType }) => DOCKER_TYPES.includes(mediaType))) return;
  const message = "the image keeps docker's own format, which skopeo and umoci do not see in a directory; " +
    "for them, convert it with skopeo copy docker://IMAGE oci:DIR:TAG, which changes its digest";
  onEvent?.({ type: "notice", message });
}
