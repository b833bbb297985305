/** Artifacts as other programs store them, recorded with small contents: `tests/fixtures/artifacts`. @module */
import { join } from "node:path";
import { bytesSource, encodeManifest, type Manifest } from "../../lib/exports/store.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../../lib/oci/media_types.ts";
import { manifestOf } from "../../lib/oci/manifest.ts";
import type { Store } from "../../main.ts";

const DIRECTORY = join(import.meta.dirname!, "../fixtures/artifacts");

/** A recorded artifact. Bytes are texts, or `base64,` and letters. */
interface Recording {
  /** The manifests, the one that has the tag first. Their bytes are their compact JSON. */
  manifests: Record<string, unknown>[];
  /** The blobs by their digests. */
  blobs: Record<string, string>;
  /** The files that the program stored, by path. */
  files: Record<string, string>;
}

/** Stores a recorded artifact under a tag, and gives the files that it was made of. */
export async function plantArtifact(
  store: Store,
  name: string,
  tag: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const recorded: Recording = JSON.parse(await Deno.readTextFile(join(DIRECTORY, `${name}.json`)));
  for (const content of Object.values(recorded.blobs)) await store.write(bytesSource(bytesOf(content)));
  const [root, ...others] = recorded.manifests.map(manifestFrom);
  for (const manifest of others) await store.putManifest(manifest.digest, manifest);
  await store.putManifest(tag, root!);
  return new Map(Object.entries(recorded.files).map(([path, content]) => [path, bytesOf(content)]));
}

function manifestFrom(value: Record<string, unknown>): Manifest {
  const usual = "manifests" in value ? IMAGE_INDEX.oci : IMAGE_MANIFEST.oci;
  return manifestOf(new TextEncoder().encode(JSON.stringify(value)), String(value["mediaType"] ?? usual));
}

function bytesOf(content: string): Uint8Array<ArrayBuffer> {
  const [, letters] = /^base64,(.*)$/s.exec(content) ?? [];
  return letters === undefined ? new TextEncoder().encode(content) : Uint8Array.fromBase64(letters);
}

/** A layer of an artifact: its content, and what its descriptor says. */
export interface MadeBlob {
  content: string | Uint8Array<ArrayBuffer>;
  title?: string | undefined;
  mediaType?: string | undefined;
  annotations?: Record<string, string> | undefined;
}

const TITLE = "org.opencontainers.image.title";
const EMPTY = "application/vnd.oci.empty.v1+json";

/** Stores an artifact as oras would. */
export async function putArtifact(
  store: Store,
  tag: string,
  layers: readonly MadeBlob[],
  fields: Record<string, unknown> = {},
): Promise<Manifest> {
  const stored = [];
  for (const { content, title, mediaType = "application/octet-stream", annotations } of layers) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { digest, size } = await store.write(bytesSource(bytes));
    const all = { ...annotations, ...(title !== undefined && { [TITLE]: title }) };
    stored.push({ mediaType, digest, size, annotations: all });
  }
  const { digest, size } = await store.write(bytesSource(new TextEncoder().encode("{}")));
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST.oci,
    artifactType: "application/vnd.unknown.artifact.v1",
    config: { mediaType: EMPTY, digest, size },
    layers: stored,
    ...fields,
  });
  await store.putManifest(tag, manifest);
  return manifest;
}

/** All files below a directory, by path. */
export async function filesIn(directory: string, below = ""): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(directory, below))) {
    const path = below ? `${below}/${name}` : name;
    if (isDirectory) { for (const each of await filesIn(directory, path)) found.set(...each); }
    else found.set(path, isFile ? await Deno.readFile(join(directory, path)) : new Uint8Array());
  }
  return new Map([...found].sort(([one], [other]) => one < other ? -1 : 1));
}
