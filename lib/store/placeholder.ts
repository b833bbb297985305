/** Placeholders: a tag is moved to an image of its own before that is deleted, and so no other tag is lost. @module */
import * as v from "valibot";
import { withoutProgress } from "../events.ts";
import { bytesSource } from "../content/source.ts";
import { encodeManifest, type Manifest } from "../oci/manifest.ts";
import { type Family, IMAGE_CONFIG, IMAGE_MANIFEST } from "../oci/media_types.ts";
import { putInFamily } from "./manifest_format.ts";
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
  const make = (family: Family) =>
    encodeManifest({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST[family],
      config: { mediaType: IMAGE_CONFIG[family], size, digest },
      layers: [],
    });
  return await putInFamily(store, tag, make, options);
}

/** Whether a config is that of a placeholder. Its tag then is left over from an interrupted removal, and counts as removed. */
export function isPlaceholder(config: Uint8Array): boolean {
  try {
    return v.is(placeholderSchema, JSON.parse(new TextDecoder().decode(config)));
  } catch {
    return false;
  }
}
