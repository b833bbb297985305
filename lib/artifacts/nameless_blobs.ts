/** Blobs that have no names: aliases, as dxf makes them, and artifacts of one blob. @module */
import { ALIAS_TYPE } from "../blobs/alias_manifest.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import { isDigest } from "../oci/digest.ts";
import type { ArtifactFile, ArtifactReader, Subject } from "./artifact.ts";
import { countedName } from "./given_names.ts";

/** The blobs of a manifest, under a name that is counted where there are several. */
function blobsNamed({ layers }: Subject, name: string): ArtifactFile[] {
  return layers.map((blob, index): ArtifactFile => ({ path: countedName(name, index, layers.length), blob }));
}

/** The name of an alias, or where it was named by its digest, that of the repository. */
function aliasName({ reference, repository }: Subject): string {
  return isDigest(reference) ? repository : reference;
}

/**
 * Reads aliases. In docker's format the first blob stands in for the config, so that no further blob has to be stored.
 */
export const dxfAlias: ArtifactReader = {
  kind: "dxf alias",
  recognizes: ({ artifactType, config, layers: [first, ...more] }) =>
    artifactType === ALIAS_TYPE ||
    first !== undefined && config.digest === first.digest &&
      [first, ...more].every(({ mediaType }) => mediaType === OCTET_STREAM),
  files: (subject) => blobsNamed(subject, aliasName(subject)),
  note: ({ layers: { length } }) =>
    length > 1
      ? "an alias has no names for its blobs; layerstash blob pull joins them in one file"
      : undefined,
};

/** Reads artifacts of one blob without a title. */
export const singleBlob: ArtifactReader = {
  kind: "single blob",
  recognizes: ({ layers }) => layers.length === 1,
  files: (subject) => blobsNamed(subject, subject.repository),
  note: () => "its blob has no name: it gets that of the repository",
};

/** Reads whatever is left. */
export const severalBlobs: ArtifactReader = {
  kind: "several blobs",
  recognizes: () => true,
  files: (subject) => blobsNamed(subject, subject.repository),
  note: ({ layers: { length } }) =>
    length === 0 ? undefined : "its blobs have no names: they get that of the repository, and numbers",
};
