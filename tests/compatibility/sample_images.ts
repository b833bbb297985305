/** A layout with images of every kind: for one platform, for two, an index of indexes, one with a zstd layer, a referrer. @module */
import { digestOf } from "../../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../../lib/oci/media_types.ts";
import { bytesSource, type Descriptor } from "../../lib/exports/store.ts";
import { openImage } from "../../lib/exports/images.ts";
import type { Store } from "../../main.ts";
import { gzip, putImage, putIndex, zstd } from "../rigs/images.ts";
import { tarOf } from "../rigs/tar.ts";

/** The text in `etc/motd` of each image. */
export const MOTD = "hello from a layer\n";

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const PACKERS = { gzip, zstd } as const;

/** The archive of the upper layer of each image. */
export function motdLayer(text: string = MOTD): Uint8Array<ArrayBuffer> {
  return tarOf([{ name: "etc/", flag: "5" }, { name: "etc/motd", content: text }]);
}

/** Makes the layout, with the tags `one`, `many`, `nested` and `zstd`, and a referrer of `one`. */
export async function makeSampleLayout(directory: string): Promise<void> {
  using opened = openImage(`oci:${directory}:one`);
  const { store } = opened;
  const one = await putSample(store, "one", { architecture: "amd64" });
  await putReferrer(store, one);
  const arm = await putSample(store, "arm", { architecture: "arm64" });
  const platform = (architecture: string) => ({ os: "linux", architecture });
  const many = await putIndex(store, "many", [
    { manifest: one, platform: platform("amd64") },
    { manifest: arm, platform: platform("arm64") },
  ]);
  await putIndex(store, "nested", [{ manifest: many }]);
  await putSample(store, "zstd", { architecture: "amd64", packed: "zstd" });
}

async function putSample(
  store: Store,
  tag: string,
  { architecture, packed = "gzip" }: { architecture: string; packed?: keyof typeof PACKERS },
): Promise<Manifest> {
  const base = tarOf([{ name: "bin/", flag: "5" }, { name: "bin/tool", content: architecture.repeat(9000) }]);
  const archives = [base, motdLayer()];
  const layers: Descriptor[] = [];
  for (const archive of archives) {
    const stored = await store.write(bytesSource(await PACKERS[packed](archive)));
    layers.push({ ...stored, mediaType: `${LAYER}+${packed}` });
  }
  const rootfs = { type: "layers", "diff_ids": archives.map((archive) => digestOf(archive)) };
  const history = archives.map(() => ({ "created_by": "made for a test" }));
  return await putImage(store, tag, layers, { os: "linux", architecture, rootfs, history, config: {} });
}

/** Refers to an image as a signature does. */
async function putReferrer(store: Store, subject: Manifest): Promise<void> {
  const config = await store.write(bytesSource(new TextEncoder().encode("{}")));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    artifactType: "application/x.signature",
    config: { ...config, mediaType: IMAGE_CONFIG.oci },
    layers: [],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
  });
  await store.putManifest(manifest.digest, manifest);
}
