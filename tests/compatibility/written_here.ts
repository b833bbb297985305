/** What layerstash writes for the clients: stashes, aliases and images in a registry, and in a layout. @module */
import { digestOf } from "../../lib/oci/digest.ts";
import { someBytes } from "../rigs/content.ts";
import type { Written } from "./client_readers.ts";
import { makeSampleLayout, motdLayer } from "./sample_images.ts";
import type { Trial } from "./trial.ts";

const BYTES = someBytes(500_000, 9);

/** Writes all of it. */
export async function writeForClients(trial: Trial): Promise<Written[]> {
  await trial.place.write("disk.img", BYTES);
  await trial.place.write("layer.tar", motdLayer());
  await makeSampleLayout(trial.place.path("images"));
  return [...await writeFiles(trial), ...await writeImages(trial), ...await writeLayouts(trial)];
}

async function writeFiles(trial: Trial): Promise<Written[]> {
  const files = trial.repository("files");
  const blob = digestOf(BYTES);
  for (const format of ["docker", "oci"]) {
    const options = ["-r", files, "-i", "disk.img", "--manifest-format", format];
    await trial.run(["upload", ...options, "-t", format]);
    await trial.run(["blob", "push", ...options, "--alias", `named-${format}`]);
  }
  await trial.run(["upload", "--registry", "oci:box", "-r", "files", "-t", "disk", "-i", "disk.img"]);
  const stored = (title: string, tag: string): Written => ({
    title,
    at: { image: `${trial.image("files")}:${tag}` },
    blob,
    isImage: false,
  });
  return [
    stored("stored file, docker's manifests", "docker-1"),
    stored("stored file, OCI manifests", "oci-1"),
    stored("alias, docker's manifest", "named-docker"),
    stored("alias, OCI manifest", "named-oci"),
    { ...stored("stored file in a layout", ""), at: { layout: "box/files", name: "disk-1" } },
  ];
}

async function writeImages(trial: Trial): Promise<Written[]> {
  const there = (tag: string) => `${trial.image("images")}:${tag}`;
  for (const tag of ["one", "many", "zstd"]) await trial.run(["copy", `oci:images:${tag}`, there(tag)]);
  await trial.run(["append", "--from", there("one"), "--to", there("more"), "-i", "layer.tar"]);
  const written = async (title: string, tag: string): Promise<Written> => ({
    title,
    at: { image: there(tag) },
    blob: await lastLayer(trial, there(tag)),
    isImage: true,
  });
  return [
    await written("copied image", "one"),
    await written("copied index", "many"),
    await written("copied image, zstd layers", "zstd"),
    await written("appended image", "more"),
  ];
}

/** One layout that several commands have written to, with a tag and with a full name. */
async function writeLayouts(trial: Trial): Promise<Written[]> {
  const image = (tag: string) => `${trial.image("images")}:${tag}`;
  const full = "docker.io/library/app:1.0";
  await trial.run(["save", image("many"), "-o", "saved"]);
  await trial.run(["copy", image("one"), "oci:mixed:one"]);
  await trial.run(["copy", image("zstd"), "oci:mixed:zstd"]);
  await trial.run(["copy", image("one"), `oci:mixed:${full}`]);
  const blob = await lastLayer(trial, image("one"));
  return [
    { title: "saved index", at: { layout: "saved", name: "many" }, blob, isImage: true },
    { title: "layout, one of several tags", at: { layout: "mixed", name: "one" }, blob, isImage: true },
    { title: "layout, a full name", at: { layout: "mixed", name: full }, blob, isImage: true },
    {
      title: "layout, zstd layers",
      at: { layout: "mixed", name: "zstd" },
      blob: await lastLayer(trial, image("zstd")),
      isImage: true,
    },
  ];
}

async function lastLayer(trial: Trial, image: string): Promise<string> {
  const { layers } = JSON.parse(await trial.run(["inspect", "--json", "--platform", "linux/amd64", image]));
  return layers.at(-1).digest;
}
