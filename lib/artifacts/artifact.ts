/** Artifacts: what programs store in registries beside container images, and the files that it consists of. @module */
import type { FolderFacts } from "../folders/folder.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { IndexedManifest } from "../oci/image_index.ts";
import type { ImageManifest, Manifest } from "../oci/manifest.ts";

/** What lies under a name of a repository, in words that users read. Folders, images and chunks have no list of files here. */
export type ArtifactKind =
  | "Helm chart"
  | "ModelPack model"
  | "docker model"
  | "ollama model"
  | "Homebrew bottle"
  | "dxf alias"
  | "oras artifact"
  | "single blob"
  | "several blobs"
  | "chunk of a stored file"
  | "folder"
  | "encrypted folder"
  | "container image";

/** Whether it is a folder, encrypted or not. */
export function isFolderKind(kind: ArtifactKind): boolean {
  return kind === "folder" || kind === "encrypted folder";
}

/** How a layer is packed that is unpacked when it is downloaded. */
export interface Packing {
  /** The path that everything in the archive lies at or below; empty = the archive may have any path. */
  within: string;
  /** The digest of the archive without its compression; absent where the manifest does not name it. */
  digest?: Digest | undefined;
}

/** One file of an artifact, or a directory that is packed as an archive. */
export interface ArtifactFile {
  /** Its path below the target, as the artifact spells it. **Nobody has checked it.** */
  path: string;
  /** The blob that holds it. */
  blob: Descriptor;
  /** Set where the blob is a tar archive that is unpacked. */
  packed?: Packing | undefined;
}

/** What lies under a tag or digest. */
export interface Artifact {
  /** What it is. */
  kind: ArtifactKind;
  /** The tag or digest that it was found under. */
  reference: string;
  /** The digest of its manifest. */
  digest: Digest;
  /** The media type that its manifest declares for it, such as that of its config. */
  type: string;
  /** Its files; none where it is not files. */
  files: ArtifactFile[];
  /** The size of all its layers, in bytes. */
  size: number;
  /** What a user should know about the names of its files; absent = nothing. */
  note?: string | undefined;
  /** What a folder holds; absent = it is something else. */
  folder?: FolderFacts | undefined;
  /** Present where it is stored encrypted, and was opened: the sizes and digests are those of the plain layers. */
  encryption?: { format: "age" } | undefined;
  /** What the index lists from which it was chosen, one for each platform; absent = it is in no index. */
  platforms?: IndexedManifest[] | undefined;
}

/** What readers are given: a manifest as it was read, and where it lies. */
export interface Subject extends ImageManifest {
  manifest: Manifest;
  /** The annotations of the manifest and of the entry of the index that leads to it. */
  annotations: Readonly<Record<string, string>>;
  /** The last part of the repository's name. */
  repository: string;
  /** The tag or digest. */
  reference: string;
  /** The bytes of the config, verified. */
  readConfig: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** Recognizes one kind of artifact, and names its files. */
export interface ArtifactReader {
  kind: ArtifactKind;
  /** Whether it is of this kind. */
  recognizes(subject: Subject): boolean;
  /** Its files, in the order of the layers. */
  files(subject: Subject): ArtifactFile[] | Promise<ArtifactFile[]>;
  /** What a user should know about the names of the files. */
  note?(subject: Subject): string | undefined;
}

/** Whether the type of the artifact or of its config begins like this. */
export function isOfType({ artifactType = "", config }: Subject, prefix: string): boolean {
  return artifactType.startsWith(prefix) || config.mediaType.startsWith(prefix);
}
