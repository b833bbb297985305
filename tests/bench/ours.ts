/** What layerstash is told, to do the same work. @module */
import { BUNDLE, V8_FLAGS } from "../../lib/ship/bundle.ts";
import { type Operation, registryUrl, STORED, type Words, type Work } from "./work.ts";

/** A way of using layerstash. */
export interface Variant {
  name: string;
  /** More options. */
  options: Words;
}

/** The usual way. */
export const USUAL: Variant = { name: "layerstash", options: [] };

/** The arguments for each operation. What is stored differs by the number of the run. */
export const OURS: Record<Operation, (work: Work, run: number) => Words> = {
  upload: (work, run) => [
    ...["upload", "--registry", registryUrl(work), "-r", "bench/ours", "-t", `file${run}`, "-i", work.file],
  ],
  download: (work) => [
    ...["download", "--registry", registryUrl(work), "-r", STORED, "-t", "file", "-o", work.output],
  ],
  pull: (work, run) => OURS.download(work, run),
  list: (work) => ["list", "--registry", registryUrl(work), "-r", STORED],
  peek: ({ host }) => ["peek", `${host}/${STORED}:image`],
  extract: ({ host, output }) => ["extract", `${host}/${STORED}:image`, "/", "-o", output],
  copyToLayout: ({ host, output }) => ["copy", `${host}/${STORED}:image`, `oci:${output}:t`],
  copyToRegistry: ({ host, target }) => ["copy", `${host}/${STORED}:image`, `${target}/bench/ours:t`],
};

/** The command: the program in one file, as it is released, and with the flags that it has then. */
export function layerstash(words: Words): Words {
  return [Deno.execPath(), "run", "--no-config", V8_FLAGS, "-A", BUNDLE, ...words];
}
