/** Images to look into: made by hand, and by umoci. @module */
import { join } from "node:path";
import { digestOf, encodedPart } from "../../lib/oci/digest.ts";
import { encodeManifest, type Manifest } from "../../lib/oci/manifest.ts";
import { IMAGE_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST } from "../../lib/oci/media_types.ts";
import { bytesSource, type Descriptor } from "../../lib/exports/store.ts";
import { findImage, ImageFiles, openImage } from "../../lib/exports/images.ts";
import type { OnEvent, Store } from "../../main.ts";
import { makeWorkspace, streamOf, type Workspace } from "./content.ts";
import { runProgram } from "./tar.ts";

const LAYER = "application/vnd.oci.image.layer.v1.tar";

/** A layer to be stored. */
export interface MadeLayer {
  bytes: Uint8Array<ArrayBuffer>;
  annotations?: Record<string, string>;
}

/** Stores an image whose layers are these bytes, the base first. */
export async function putImage(
  store: Store,
  tag: string,
  layers: readonly (MadeLayer | Descriptor)[],
  config: Record<string, unknown> = { os: "linux", architecture: "amd64" },
): Promise<Manifest> {
  const stored = await Promise.all(layers.map(async (layer) => {
    if (!("bytes" in layer)) return layer;
    const { annotations } = layer;
    const { digest, size } = await store.write(bytesSource(layer.bytes));
    return { mediaType: LAYER, digest, size, ...(annotations && { annotations }) };
  }));
  const bytes = new TextEncoder().encode(
    JSON.stringify({ rootfs: { type: "layers", diff_ids: [] }, ...config }),
  );
  const { digest, size } = await store.write(bytesSource(bytes));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    config: { mediaType: IMAGE_CONFIG.oci, digest, size },
    layers: stored,
  });
  await store.putManifest(tag, manifest);
  return manifest;
}

/** Stores an index of images. */
export async function putIndex(
  store: Store,
  tag: string,
  images: readonly {
    manifest: Manifest;
    platform?: Record<string, string>;
    annotations?: Record<string, string>;
  }[],
): Promise<Manifest> {
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_INDEX.oci,
    manifests: images.map(({ manifest: { mediaType, digest, bytes }, platform, annotations }) => ({
      mediaType,
      digest,
      size: bytes.length,
      ...(platform && { platform }),
      ...(annotations && { annotations }),
    })),
  });
  await store.putManifest(tag, index);
  return index;
}

/** A layout with an image `t` of these layers, and what a reader of it is told. */
export interface MadeImage extends AsyncDisposable {
  readonly work: Workspace;
  /** `oci:DIR:t`. */
  readonly name: string;
  /** Reads it; a new reader has fetched nothing yet. */
  files(options?: { signal?: AbortSignal }): Promise<ImageFiles>;
  /** The notices so far. */
  readonly notices: string[];
}

/** Makes it. */
export async function makeImage(
  layers: readonly (MadeLayer | Uint8Array<ArrayBuffer>)[],
): Promise<MadeImage> {
  const work = await makeWorkspace();
  const name = `oci:${work.path("layout")}:t`;
  const opened = openImage(name);
  await putImage(
    opened.store,
    "t",
    layers.map((layer) => layer instanceof Uint8Array ? { bytes: layer } : layer),
  );
  const notices: string[] = [];
  const onEvent: OnEvent = (event) => void (event.type === "notice" && notices.push(event.message));
  return {
    work,
    name,
    notices,
    files: async (options = {}) => {
      const { layers } = await findImage(opened.store, opened.reference);
      return new ImageFiles(opened.store, layers, { ...options, onEvent });
    },
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** Packs bytes as gzip does. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(streamOf(bytes).pipeThrough(new CompressionStream("gzip"))).bytes();
}

/** Packs bytes as zstd does, in frames of so many bytes. */
export async function zstd(
  bytes: Uint8Array<ArrayBuffer>,
  frame: number = bytes.length,
): Promise<Uint8Array<ArrayBuffer>> {
  const { zstdCompressSync } = await import("node:zlib");
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += frame) {
    frames.push(new Uint8Array(zstdCompressSync(bytes.subarray(at, at + frame))));
  }
  return await new Blob(frames).bytes();
}

/** A layout that umoci has made: an image of several layers, each made by changing the tree of the one before. */
export interface UmociLayout {
  /** The layout's directory; its image has the tag `t`. */
  layout: string;
  /** The tree that umoci makes of the image. */
  rootfs: string;
}

/** Makes it; each step changes the tree in the directory that it is given, and becomes a layer. */
export async function makeUmociLayout(
  work: Workspace,
  steps: readonly ((rootfs: string) => Promise<void>)[],
): Promise<UmociLayout> {
  const layout = work.path("umoci");
  const image = `${layout}:t`;
  await runProgram("umoci", ["init", "--layout", layout]);
  await runProgram("umoci", ["new", "--image", image]);
  for (const [index, change] of steps.entries()) {
    const bundle = work.path(`bundle-${index}`);
    await runProgram("umoci", ["unpack", "--rootless", "--image", image, bundle]);
    await change(`${bundle}/rootfs`);
    await runProgram("umoci", ["repack", "--image", image, bundle]);
  }
  await runProgram("umoci", ["unpack", "--rootless", "--image", image, work.path("bundle")]);
  return { layout, rootfs: work.path("bundle/rootfs") };
}

/** The file of a blob in a layout. */
export function blobFile(layout: string, { digest }: Pick<Descriptor, "digest">): string {
  return `${layout}/blobs/sha256/${encodedPart(digest)}`;
}

/** Everything under a directory, with what tells its state: kind, mode, time, names of a file, bytes, link. */
export async function treeState(directory: string): Promise<string[]> {
  const lines: string[] = [];
  const look = async (path: string, name: string): Promise<void> => {
    const info = await Deno.lstat(path);
    lines.push([name, ...await stateOf(path, info)].join("|"));
    if (!info.isDirectory) return;
    for await (const each of Deno.readDir(path)) await look(join(path, each.name), `${name}/${each.name}`);
  };
  await look(directory, ".");
  return lines.sort();
}

/** A directory's number of names tells how its file system counts, not what is in it. */
async function stateOf(path: string, info: Deno.FileInfo): Promise<unknown[]> {
  const common = [info.mode?.toString(8), info.mtime?.getTime()];
  if (info.isDirectory) return ["directory", ...common];
  if (info.isSymlink) return ["link", ...common, await Deno.readLink(path)];
  if (!info.isFile) return ["neither", ...common];
  return ["file", ...common, info.nlink, digestOf(await Deno.readFile(path))];
}
