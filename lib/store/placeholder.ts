/** Placeholders: a tag is moved to an image of its own before that is deleted, and so no other tag is lost. @module */
import * as v from "valibot";
import { withoutProgress } from "../events.ts";
import { bytesSource } from "../content/source.ts";
import { encodeManifest, type Manifest } from "../oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { CallOptions, Store } from "./store.ts";

const NOWHERE = { architecture: "unknown", os: "unknown" } as const;

const placeholderSchema = v.object({
  architecture: v.literal(NOWHERE.architecture),
  os: v.literal(NOWHERE.os),
  config: v.object({ Labels: v.object({ removed: v.pipe(v.string(), v.uuid()) }) }),
});

/** Points a tag to a new image without layers, which no other tag has. Without a tag, the image is only stored. */
export async function pushPlaceholder(
  store: Store,
  tag: string | undefined,
  options: CallOptions,
): Promise<Manifest> {
  const about = { ...NOWHERE, rootfs: { type: "layers", diff_ids: [] } };
  const bytes = new TextEncoder().encode(
    JSON.stringify({ ...about, config: { Labels: { removed: crypto.randomUUID() } } }),
  );
  const { digest, size } = await store.write(bytesSource(bytes), {
    ...options,
    onEvent: withoutProgress(options.onEvent ?? store.onEvent),
  });
  const placeholder = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.docker,
    config: { mediaType: IMAGE_CONFIG.docker, size, digest },
    layers: [],
  });
  await store.putManifest(tag ?? placeholder.digest, placeholder, options);
  return placeholder;
}

/** Whether a config is that of a placeholder. Its tag then is left over from an interrupted removal, and counts as removed. */
export function isPlaceholder(config: Uint8Array): boolean {
  try {
    return v.is(placeholderSchema, JSON.parse(new TextDecoder().decode(config)));
  } catch {
    return false;
  }
}
