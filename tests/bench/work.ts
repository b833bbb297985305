/** What is to be moved or read, and where to: all that a program's command is made of. @module */

/** What programs can be asked to do. */
export type Operation =
  | "upload"
  | "download"
  | "pull"
  | "list"
  | "peek"
  | "extract"
  | "copyToLayout"
  | "copyToRegistry";

/** The words of a command. */
export type Words = readonly string[];

/** One piece of work. */
export interface Work {
  /** `HOST:PORT` of the registry. */
  host: string;
  /** Whether it speaks plain http. */
  isPlain: boolean;
  /** `HOST:PORT` of the registry that a copy goes to, over plain http; empty = it goes to none. */
  target: string;
  /** The file to be stored. */
  file: string;
  /** The digest of the file, or of the image's layer. */
  digest: string;
  /** An image layout in which that is the only layer. */
  layout: string;
  /** The tag of the image in the layout. */
  tag: string;
  /** How the layer is packed; absent = it is not. */
  packing?: Packing | undefined;
  /** What programs write to; it is not there before. */
  output: string;
  /** What a client's command begins with. */
  client: Words;
  /** The variables of a command. */
  env: Record<string, string>;
}

/** How a layer is packed. */
export type Packing = "gzip" | "zstd";

/** The repository that files and images are read from. The file has the tags `file`, `file-1` and `titled`, the image `image`. */
export const STORED = "bench/stored";

/** The URL of the registry. */
export function registryUrl({ host, isPlain }: Pick<Work, "host" | "isPlain">): string {
  return `${isPlain ? "http" : "https"}://${host}`;
}

/** The URL of the blob. */
export function blobUrl(work: Work): string {
  return `${registryUrl(work)}/v2/${STORED}/blobs/${work.digest}`;
}

/** Runs a command with its standard output in a file. */
export function into(output: string, words: Words): Words {
  return ["sh", "-c", 'exec "$@" > "$0"', output, ...words];
}

/** Lists an archive. */
export const LIST: Words = ["tar", "tv"];
/** Unpacks an archive. */
export const UNPACK: Words = ["tar", "x"];

/** Runs a command with its standard output in `tar`, which lists it, or unpacks it into a new directory. */
export function throughTar(words: Words, tar: Words, directory?: string): Words {
  const place = directory === undefined ? "" : 'mkdir "$0" && cd "$0" && ';
  return ["bash", "-o", "pipefail", "-c", `${place}"$@" | ${tar.join(" ")}`, directory ?? "bash", ...words];
}
