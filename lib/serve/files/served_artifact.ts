/** The files of an artifact, as they are served: each is one blob. @module */
import type { Artifact, ArtifactFile } from "../../artifacts/artifact.ts";
import { joinedStream } from "../../content/joined_stream.ts";
import { baseName, normalPath } from "../../layers/entry.ts";
import { withEmbedded } from "../../store/embedded.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
import { readBlob } from "../../transfer/read_blob.ts";
import type { ServedFile } from "./served_file.ts";

/** What another program has stored, as files. */
export interface ServedArtifact {
  kind: "artifact";
  artifact: Artifact;
  /** The files by their paths, which do not lead out of it. */
  files: ReadonlyMap<string, ServedFile>;
}

/** Serves the files of an artifact. */
export function servedArtifact(
  store: StoreReader,
  artifact: Artifact,
  { onEvent }: CallOptions,
): ServedArtifact {
  const files = artifact.files.flatMap((each): [string, ServedFile][] => {
    const path = servedPath(each);
    return path === "" || path.includes("\0") ? [] : [[path, servedFileOf(store, each, { path, onEvent })]];
  });
  return { kind: "artifact", artifact, files: new Map(files) };
}

/** A directory that is packed is served as the archive that it is. */
function servedPath({ path, packed, blob }: ArtifactFile): string {
  const normal = normalPath(path);
  if (!packed || /\.(tar|tgz|tar\.\w+)$/.test(normal)) return normal;
  const end = blob.mediaType.endsWith("gzip")
    ? ".tar.gz"
    : blob.mediaType.endsWith("zstd")
    ? ".tar.zst"
    : ".tar";
  return normal + end;
}

function servedFileOf(
  store: StoreReader,
  { blob }: ArtifactFile,
  { path, onEvent }: CallOptions & { path: string },
): ServedFile {
  const { size } = blob;
  return {
    name: baseName(path),
    size,
    tag: blob.digest,
    open: (range) => {
      const open = () => readBlob(withEmbedded(store, blob), blob, { ...range, what: path, onEvent });
      const bytes = range.end - range.start;
      return Promise.resolve({
        stream: joinedStream(bytes > 0 ? [{ size: bytes, open }] : []),
        isVerified: bytes === size,
      });
    },
  };
}
