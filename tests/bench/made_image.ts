/** Makes an image as large ones are: one layer of many files, most of them small, some of them large. @module */
import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { basename, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { someBytes } from "../rigs/content.ts";
import { headerOf } from "../rigs/tar.ts";
import type { Packing } from "./work.ts";

/** What is made. */
export interface ImageSettings {
  /** How many files, directories and links it has. */
  entries: number;
  packing: Packing;
  tag: string;
}

/** Makes an image layout; gives the digest and the size of the layer. */
export async function makeImage(
  layout: string,
  { entries, packing, tag }: ImageSettings,
): Promise<{ digest: string; size: number }> {
  const blobs = join(layout, "blobs/sha256");
  await Deno.mkdir(blobs, { recursive: true });
  const [inner, outer] = [createHash("sha256"), createHash("sha256")];
  const path = join(blobs, "layer");
  const pack = packing === "gzip" ? createGzip({ level: 1 }) : createZstdCompress();
  await pipeline(
    Readable.from(archive(entries)),
    hashed(inner),
    pack,
    hashed(outer),
    createWriteStream(path),
  );
  const layer = await named(path, outer);
  const put = async (value: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    await Deno.writeFile(path, bytes);
    return await named(path, createHash("sha256").update(bytes));
  };
  const config = await put({
    os: "linux",
    architecture: "amd64",
    config: {},
    rootfs: { type: "layers", diff_ids: [`sha256:${inner.digest("hex")}`] },
  });
  const manifest = await put({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, ...config },
    layers: [{ mediaType: `${OCI}.layer.v1.tar+${packing}`, ...layer }],
  });
  const listed = { mediaType: `${OCI}.manifest.v1+json`, ...manifest };
  const annotations = { "org.opencontainers.image.ref.name": tag };
  await writeJson(join(layout, "index.json"), { schemaVersion: 2, manifests: [{ ...listed, annotations }] });
  await writeJson(join(layout, "oci-layout"), { imageLayoutVersion: "1.0.0" });
  return layer;
}

const OCI = "application/vnd.oci.image";

/** The bytes of the layer's archive, entry by entry: a directory for every sixteen entries, every twentieth a link. */
function* archive(entries: number): Generator<Uint8Array> {
  const pool = packableBytes(2 ** 26);
  for (let entry = 0; entry < entries; entry++) {
    const directory = `usr/share/part${entry >> 10}/package${entry >> 4}/`;
    const name = `${directory}file${entry}.txt`;
    if (entry % 16 === 0) yield headerOf({ name: directory, flag: "5" });
    else if (entry % 20 === 3) yield headerOf({ name, flag: "2", target: `file${entry - 1}.txt` });
    else {
      const size = sizeOf(entry);
      yield headerOf({ name, size });
      const start = Math.imul(entry, 2654435761) >>> 7; // anywhere in its first half
      yield pool.subarray(start, start + size);
      yield new Uint8Array((512 - size % 512) % 512);
    }
  }
  yield new Uint8Array(1024);
}

/** Bytes that become four tenths as many: some can be packed well, some a little, some not at all. */
function packableBytes(size: number): Uint8Array<ArrayBuffer> {
  return someBytes(size).map((byte, at) => at % 512 < 40 ? byte : at % 512 < 280 ? 97 + byte % 16 : 32);
}

/** In bytes: as in images of Linux distributions, half of the files are below 4 KiB, and one in a thousand has megabytes. */
function sizeOf(entry: number): number {
  const place = entry * 7919 % 1000 / 1000;
  return place === 0.5 ? 4_000_000 : Math.round(110 * Math.exp(7.1 * place));
}

function hashed(hash: Hash): Transform {
  return new Transform({
    transform(piece, _, done) {
      hash.update(piece);
      done(null, piece);
    },
  });
}

/** Gives a blob the name that it has by its digest. */
async function named(path: string, hash: Hash): Promise<{ digest: string; size: number }> {
  const hex = hash.digest("hex");
  const { size } = await Deno.stat(path);
  await Deno.rename(path, join(path.slice(0, -basename(path).length), hex));
  return { digest: `sha256:${hex}`, size };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value));
}
