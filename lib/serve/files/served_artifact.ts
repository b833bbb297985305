/** The files of an artifact, as they are served: each is one blob. @module */
import type { Artifact, ArtifactFile } from "../../artifacts/artifact.ts";
import { joinedStream } from "../../content/joined_stream.ts";
import { baseName, normalPath } from "../../layers/entry.ts";
import { withEmbedded } from "../../store/embedded.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
import { storedSource } from "../../transfer/stored_source.ts";
import type { ServedFile } from "./served_file.ts";

/** What another program has stored, as files. */
export interface ServedArtifact {
  kind: "artifact";
  artifact: Artifact;
  /** The files by their paths, which do not lead out of it. */
  files: ReadonlyMap<string, ServedFile>;
}

/** The largest piece that is read at once, in bytes. */
const PIECE = 64 * 1024;

/** Serves the files of an artifact. */
export function servedArtifact(
  store: StoreReader,
  artifact: Artifact,
  { onEvent }: CallOptions,
): ServedArtifact {
  const files = artifact.files.flatMap((each): [string, ServedFile][] => {
    const path = pathOf(each);
    return path === "" || path.includes("\0") ? [] : [[path, fileOf(store, each, { path, onEvent })]];
  });
  return { kind: "artifact", artifact, files: new Map(files) };
}

/** A directory that is packed is served as the archive that it is. */
function pathOf({ path, packed, blob }: ArtifactFile): string {
  const normal = normalPath(path);
  if (!packed || /\.(tar|tgz|tar\.\w+)$/.test(normal)) return normal;
  const end = blob.mediaType.endsWith("gzip")
    ? ".tar.gz"
    : blob.mediaType.endsWith("zstd")
    ? ".tar.zst"
    : ".tar";
  return normal + end;
}

function fileOf(
  store: StoreReader,
  { blob }: ArtifactFile,
  { path, onEvent }: CallOptions & { path: string },
): ServedFile {
  const { size } = blob;
  return {
    name: baseName(path),
    size,
    tag: blob.digest,
    open: ({ start, end }) => {
      const open = () =>
        storedSource(withEmbedded(store, blob), blob, { what: path, pieceSize: PIECE, onEvent }).open(
          start,
          end,
        );
      return Promise.resolve({
        stream: joinedStream(start < end ? [{ size: end - start, open }] : []),
        isVerified: end - start === size,
      });
    },
  };
}
