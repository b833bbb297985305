/** What is moved: a file in which nothing can be packed, or an image of many files. @module */
import { basename, dirname, join } from "node:path";
import { digestOfFile } from "../rigs/sparse_file.ts";
import { runProgram } from "../rigs/tar.ts";
import type { Bench } from "./load.ts";
import { makeImage } from "./made_image.ts";
import { layerstash } from "./ours.ts";
import { type Packing, registryUrl, STORED, type Words, type Work } from "./work.ts";

/** The parts of the work that tell what is moved: a file, or an image, which is packed. */
export interface Content extends Pick<Work, "file" | "digest" | "layout" | "tag" | "packing"> {
  /** The size of the file, or of the layer, in bytes. */
  size: number;
}

/** Makes a file of so many bytes; with a layout of it, where programs send that. */
export async function makeFile(directory: string, size: number, hasLayout: boolean): Promise<Content> {
  const file = join(directory, "file");
  await writeRandomFile(file, size);
  const box = join(directory, "box");
  if (hasLayout) await runWords(uploadOf(file, `oci:${box}`), {});
  return { file, size, digest: await digestOfFile(file), layout: join(box, STORED), tag: "file-1" };
}

/** Makes an image of so many entries, packed in this way. */
export async function makeImageContent(
  directory: string,
  entries: number,
  packing: Packing,
): Promise<Content> {
  const layout = join(directory, `image-${packing}`);
  const { digest, size } = await makeImage(layout, { entries, packing, tag: "image" });
  return { file: "", size, digest, layout, tag: "image", packing };
}

/** Stores what is read, with commands that run beside the server; oras reads a file only by the title that it has written. */
export async function storeForReaders(work: Work, beside: Words, { programs }: Bench): Promise<void> {
  const { file, host, layout, tag, packing, isPlain } = work;
  if (packing) {
    return await runWords([
      ...beside,
      ...layerstash(["copy", `oci:${layout}:${tag}`, `${host}/${STORED}:image`]),
    ], work.env);
  }
  await runWords([...beside, ...uploadOf(file, registryUrl(work))], work.env);
  const oras = programs.path("oras");
  const titled = ["push", `--plain-http=${isPlain}`, `${host}/${STORED}:titled`, basename(file)];
  if (oras) await runWords([...beside, "env", "-C", dirname(file), oras, ...titled], work.env);
}

function uploadOf(file: string, registry: string): Words {
  const format = ["--manifest-format", "oci"];
  return layerstash(["upload", "--registry", registry, "-r", STORED, "-t", "file", "-i", file, ...format]);
}

/** Runs a command to its end, beside what is measured. */
export async function runWords(words: Words, env: Record<string, string>): Promise<void> {
  await runProgram("env", [...Object.entries(env).map(([key, value]) => `${key}=${value}`), ...words]);
}

async function writeRandomFile(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const piece = new Uint8Array(65536);
  for (let position = 0; position < size; position += piece.length) {
    crypto.getRandomValues(piece);
    await file.write(piece.subarray(0, size - position));
  }
}
