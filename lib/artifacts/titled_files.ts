/** Files by the names that layers have: the titles of oras, and the paths of model formats. @module */
import { type Descriptor, TITLE, titleOf } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import type { ArtifactFile, ArtifactReader, Subject } from "./artifact.ts";

/** oras packs a directory as a tar archive, and says so here (oras-go, content/file). */
const UNPACK = "io.deis.oras.content.unpack";
/** The digest of that archive before it was compressed. */
const UNPACKED_DIGEST = "io.deis.oras.content.digest";

/** A file as oras stores it: by its title. `undefined` = the layer has none. */
function titledFile(blob: Descriptor): ArtifactFile | undefined {
  const path = blob.annotations?.[TITLE];
  if (path === undefined) return undefined;
  if (blob.annotations?.[UNPACK] !== "true") return { path, blob };
  const digest = blob.annotations[UNPACKED_DIGEST];
  return { path, blob, packed: { within: path, ...(isDigest(digest) && { digest }) } };
}

/** The files of the layers that have a title. An empty title is no name: it is refused when files are placed. */
function titledFiles({ layers }: Subject): ArtifactFile[] {
  return layers.flatMap((layer) => titledFile(layer) ?? []);
}

/** Whether a bottle's manifest, or its entry in an index, has annotations of Homebrew. */
export function isBottle({ annotations = {} }: Pick<Descriptor, "annotations">): boolean {
  return Object.keys(annotations).some((key) => key.startsWith("sh.brew."));
}

/** Reads Homebrew's bottles: the one layer of an ordinary image, with the name of its file as title. */
export const homebrewBottle: ArtifactReader = {
  kind: "Homebrew bottle",
  recognizes: (subject) => isBottle(subject) && subject.layers.every((layer) => titleOf(layer) !== undefined),
  files: titledFiles,
};

/** Reads what oras stores, and what other programs store as it does. */
export const orasArtifact: ArtifactReader = {
  kind: "oras artifact",
  recognizes: (subject) => titledFiles(subject).length > 0,
  files: titledFiles,
  note(subject) {
    const untitled = subject.layers.length - titledFiles(subject).length;
    if (untitled === 0) return undefined;
    return `${untitled} of its ${subject.layers.length} blobs have no title: they are left out, as oras does`;
  },
};
