/** What the documentation speaks of: files that somebody has, images, and what is stored. @module */
import { join } from "node:path";
import { digestOf } from "../../lib/oci/digest.ts";
import { generateKey, Recipients } from "../../lib/exports/encryption.ts";
import { bytesSource } from "../../lib/exports/store.ts";
import { openImage } from "../../lib/exports/images.ts";
import { openStore, type Store, upload } from "../../main.ts";
import { pushBlob } from "../../lib/exports/blobs.ts";
import { plantArtifact } from "./artifact_fixtures.ts";
import { gzip, putImage, putIndex } from "./images.ts";
import type { Internet } from "./internet.ts";
import { tarOf } from "./tar.ts";

/** What is in `logger.dat`. */
export const LOG = "20 degrees\n";

const LAYER = tarOf([{ name: "app/", flag: "5" }, { name: "app/main.js", content: "console.log(1)\n" }]);

/** What any user might have: photos, logs, a program, an archive. */
export async function makeFiles(directory: string): Promise<void> {
  const files = {
    "photos/lake.jpg": "a lake",
    "app/main.js": "console.log(1)\n",
    "logger.dat": LOG,
  };
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(join(directory, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(directory, path), content);
  }
  await Deno.writeFile(join(directory, "layer.tar"), LAYER);
  await Deno.writeFile(join(directory, "layer.tar.gz"), await gzip(LAYER));
}

/** Images for two platforms, with the files that the documentation looks at. */
export async function storeImages({ host, open }: Internet): Promise<void> {
  for (
    const [registry, repository, tag] of [["docker", "library/nginx", "alpine"], [
      "ghcr",
      "me/app",
      "1.2",
    ]] as const
  ) {
    using store = open(registry, repository);
    await storeImage(store, tag);
  }
  using charts = open("ghcr", "me/charts/web");
  await plantArtifact(charts, "helm", "0.1.0");
  for (const repository of ["me/base", "base"]) {
    using local = open(host, repository);
    await storeImage(local, "1");
  }
}

/** Keys of the reader and of Bob. Returns the reader, for whom the examples are encrypted. */
async function storeKeys(directory: string): Promise<Recipients> {
  const [mine, bobs] = [await generateKey(), await generateKey()];
  await Deno.writeTextFile(join(directory, "keys.txt"), `${mine.identity}\n`);
  await Deno.writeTextFile(join(directory, "me.txt"), `${mine.recipient}\n`);
  await Deno.writeTextFile(join(directory, "bob.txt"), `${bobs.recipient}\n`);
  return await Recipients.of([mine.recipient]);
}

async function storeImage(store: Store, tag: string): Promise<void> {
  const layers = [
    tarOf([
      { name: "etc/", flag: "5" },
      { name: "etc/os-release", content: 'NAME="Alpine Linux"\nID=alpine\n' },
      { name: "usr/bin/", flag: "5" },
      { name: "usr/bin/env", content: "an env", mode: 0o755 },
    ]),
    tarOf([
      { name: "etc/nginx/", flag: "5" },
      { name: "etc/nginx/nginx.conf", content: "user nginx;\nworker_processes auto;\n" },
      { name: "etc/nginx/conf.d/", flag: "5" },
      { name: "etc/nginx/conf.d/default.conf", content: "server { listen 80; }\n" },
    ]),
  ];
  const images = [];
  for (const architecture of ["amd64", "arm64"]) {
    const packed = await Promise.all(layers.map(async (layer) => {
      const { digest, size } = await store.write(bytesSource(await gzip(layer)));
      return { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size };
    }));
    const config = {
      os: "linux",
      architecture,
      created: "2026-11-01T12:00:00Z",
      config: { Cmd: ["nginx"] },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
      history: [{ created_by: "ADD alpine.tar.gz /" }, { created_by: "COPY nginx /etc/nginx" }],
    };
    const manifest = await putImage(store, `${tag}-${architecture}`, packed, config);
    images.push({ manifest, platform: { os: "linux", architecture } });
  }
  await putIndex(store, tag, images);
}

/** What the examples of the help texts are about. */
export async function storeExamples(internet: Internet, directory: string): Promise<void> {
  await Deno.writeFile(join(directory, "disk.img"), LAYER);
  const box = `oci:${join(directory, "box")}`;
  for (const registry of ["docker", "ghcr", internet.host, box]) {
    const open = (repository: string) =>
      registry === box ? openStore({ registry, repository }) : internet.open(registry, repository);
    using files = open("me/files");
    for (const baseTag of registry === "ghcr" ? ["disk", "photos.tar"] : ["disk"]) {
      await upload(files, baseTag, { input: new Response(LAYER).body!, overwrite: true });
    }
    using logs = open("fred/datalogger");
    await pushBlob(logs, join(directory, "logger.dat"), { alias: "may15-readings" });
  }
  using secrets = internet.open("docker", "me/files");
  const encryptTo = await storeKeys(directory);
  await upload(secrets, "secret", { input: new Response(LAYER).body!, encryptTo });
  for (const tag of ["latest", "base"]) {
    const { store } = openImage(`${box}:${tag}`);
    await storeImage(store, tag);
    store.close();
  }
}
