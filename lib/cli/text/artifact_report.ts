/** Artifacts as text and as JSON. @module */
import type { Artifact, ArtifactFile } from "../../artifacts/artifact.ts";
import type { FolderFacts } from "../../folders/folder.ts";
import type { ListedArtifact } from "../../artifacts/list_artifacts.ts";
import { counted } from "../../messages.ts";
import { renderTable, type TableStyle } from "./columns.ts";
import { formatSize } from "./sizes.ts";

/** What an artifact is, and its files, as tables. */
export function renderArtifact(
  artifact: Artifact,
  style: TableStyle = {},
): string {
  const { kind, reference, digest, type, size, files, note, folder } = artifact;
  if (folder) return renderFolder(artifact, folder, style);
  const facts = [
    ["name:", reference],
    ["kind:", kind],
    ["type:", type],
    ["digest:", digest],
    ["size:", `${formatSize(size)} (${counted(size, "byte")})`],
    ...(note === undefined ? [] : [["note:", note]]),
  ];
  const rows = files.map((file) => [pathWithSlash(file), file.blob.digest, formatSize(file.blob.size)]);
  if (rows.length === 0) return renderTable(facts);
  return `${renderTable(facts)}\n${renderTable([["FILE", "DIGEST", "SIZE"], ...rows], style)}`;
}

function renderFolder(
  { kind, reference, digest, size: stored, encryption }: Artifact,
  { files, size, modified, layers }: FolderFacts,
  style: TableStyle,
): string {
  const facts = [
    ["name:", reference],
    ["kind:", kind],
    ["digest:", digest],
    ...(encryption ? [["encrypted:", `for ${encryption.format}; what follows is what was encrypted`]] : []),
    ["files:", String(files)],
    ["size:", `${formatSize(size)} (${counted(size, "byte")})`],
    ...(modified === undefined ? [] : [["date:", modified]]),
    ["stored:", `${formatSize(stored)} in ${counted(layers.length, "layer")}`],
  ];
  const rows = layers.map(({ digest, size }, index) => [String(index + 1), digest, formatSize(size)]);
  return `${renderTable(facts)}\n${renderTable([["LAYER", "DIGEST", "SIZE"], ...rows], style)}`;
}

/** A packed directory has a slash at its end, as directories have in lists of files. */
function pathWithSlash({ path, packed }: ArtifactFile): string {
  return packed ? `${path.replace(/(?<!\/)\/+$/, "")}/` : path;
}

/** An artifact as a JSON document. */
export function artifactDocument({ files, ...artifact }: Artifact) {
  return { ...artifact, files: files.map(fileDocument) };
}

function fileDocument({ path, blob: { digest, size, mediaType }, packed }: ArtifactFile) {
  return { path, size, digest, mediaType, packed: packed && true };
}

/** What lies in a repository beside stored files, as a table. */
export function renderArtifacts(listed: readonly ListedArtifact[]): string {
  const rows = listed.map(({ reference, artifact, problem = "" }) => {
    if (!artifact) return [reference, "?", "", "", "", problem];
    const { kind, folder, files: { length } } = artifact;
    const { files, size, modified } = folder ?? { files: length || "", size: artifact.size };
    return [reference, kind, String(files), formatSize(size), toMinutes(modified), ""];
  });
  const date = listed.some(({ artifact }) => artifact?.folder) ? "DATE" : "";
  return renderTable([["TAG", "KIND", "FILES", "SIZE", date, ""], ...rows]);
}

/** A time in RFC 3339 as lists show it; empty if it is unknown. */
export function toMinutes(time = ""): string {
  return time.slice(0, 16).replace("T", " ");
}

/** What lies beside stored files as an element of the JSON document. */
export function listedDocument({ reference, artifact, problem }: ListedArtifact) {
  const { files, size, modified } = artifact?.folder ??
    { files: artifact?.files.length, size: artifact?.size };
  return {
    tag: reference,
    kind: artifact?.kind,
    files,
    size,
    modified,
    digest: artifact?.digest,
    problem,
  };
}
