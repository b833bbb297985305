/** How each client reads what layerstash has written: from a registry, and from a layout. @module */
import { encodedPart } from "../../lib/oci/digest.ts";
import type { Client } from "./client_programs.ts";

/** Something that layerstash has written. */
export interface Written {
  /** What it is, in words. */
  title: string;
  /** The image in the registry, or the layout's directory and the name in it. */
  at: { image: string } | { layout: string; name: string };
  /** The digest of a blob that has to arrive. */
  blob: string;
  /** The clients for which it is made: a stored file is not an image that runs. */
  isImage: boolean;
}

/** A command of a client, which writes to `out`. */
type Command = readonly [Client, ...string[]];

/** What a client can read, and how. */
export interface Reader {
  fromRegistry?(image: string, out: string): Command;
  fromLayout?(layout: string, name: string, out: string): Command;
  /** Whether it reads images only, and keeps what it read in a form of its own. */
  readsImagesOnly?: boolean;
}

const plain = (image: string) => ["--host", `reg=${image.split("/")[0]},tls=disabled`];

/** Of a full name in a layout, regctl takes the tag alone. */
const tagIn = (name: string) => name.slice(name.lastIndexOf(":") + 1);

/** All of them. */
export const READERS: Record<Client, Reader> = {
  podman: {
    fromRegistry: (image) => ["podman", "pull", "-q", "--tls-verify=false", image],
    fromLayout: (layout, name) => ["podman", "pull", "-q", `oci:${layout}:${name}`],
    readsImagesOnly: true,
  },
  skopeo: {
    fromRegistry: (image, out) => [
      ...["skopeo", "copy", "--all", "--src-tls-verify=false", `docker://${image}`, `dir:${out}`] as const,
    ],
    fromLayout: (layout, name, out) => ["skopeo", "copy", "--all", `oci:${layout}:${name}`, `dir:${out}`],
  },
  umoci: {
    fromLayout: (layout, name, out) => ["umoci", "unpack", "--rootless", "--image", `${layout}:${name}`, out],
    readsImagesOnly: true,
  },
  crane: {
    fromRegistry: (image, out) => ["crane", "pull", "--insecure", "--format=oci", image, out],
  },
  oras: {
    fromRegistry: (image, out) => [
      ...["oras", "copy", "--from-plain-http", "--to-oci-layout", image, `${out}:t`] as const,
    ],
    fromLayout: (layout, name, out) => [
      ...["oras", "copy", "--from-oci-layout", `${layout}:${name}`, "--to-oci-layout", `${out}:t`] as const,
    ],
  },
  regctl: {
    fromRegistry: (image, out) => [
      ...["regctl", ...plain(image), "image", "copy", image, `ocidir://${out}:t`] as const,
    ],
    fromLayout: (layout, name, out) => [
      ...["regctl", "image", "copy", `ocidir://${layout}:${tagIn(name)}`, `ocidir://${out}:t`] as const,
    ],
  },
};

/** The command with which a client reads something; `undefined` = it is not made for that. */
export function readingCommand(client: Client, { at, isImage }: Written, out: string): Command | undefined {
  const { fromRegistry, fromLayout, readsImagesOnly } = READERS[client];
  if (readsImagesOnly && !isImage) return undefined;
  return "image" in at ? fromRegistry?.(at.image, out) : fromLayout?.(at.layout, at.name, out);
}

/** Whether a directory has a file that is named after a blob, at any depth. */
export async function hasBlob(directory: string, digest: string): Promise<boolean> {
  const name = encodedPart(digest as `sha256:${string}`);
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory ? await hasBlob(`${directory}/${entry.name}`, digest) : entry.name === name) {
      return true;
    }
  }
  return false;
}
