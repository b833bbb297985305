/** Artifacts as text and as JSON. @module */
import type { Artifact, ArtifactFile } from "../../artifacts/artifact.ts";
import type { ListedArtifact } from "../../artifacts/list_artifacts.ts";
import { counted } from "../../messages.ts";
import { renderTable, type TableStyle } from "./columns.ts";
import { formatSize } from "./sizes.ts";

/** What an artifact is, and its files, as tables. */
export function renderArtifact(
  { kind, reference, digest, type, size, files, note }: Artifact,
  style: TableStyle = {},
): string {
  const facts = [
    ["name:", reference],
    ["kind:", kind],
    ["type:", type],
    ["digest:", digest],
    ["size:", `${formatSize(size)} (${counted(size, "byte")})`],
    ...(note === undefined ? [] : [["note:", note]]),
  ];
  const rows = files.map((file) => [nameOf(file), file.blob.digest, formatSize(file.blob.size)]);
  if (rows.length === 0) return renderTable(facts);
  return `${renderTable(facts)}\n${renderTable([["FILE", "DIGEST", "SIZE"], ...rows], style)}`;
}

/** A packed directory has a slash at its end, as directories have in lists of files. */
function nameOf({ path, packed }: ArtifactFile): string {
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
    if (!artifact) return [reference, "?", "", "", problem];
    const { kind, files: { length }, size } = artifact;
    return [reference, kind, length > 0 ? String(length) : "", formatSize(size), ""];
  });
  return renderTable([["TAG", "KIND", "FILES", "SIZE", ""], ...rows]);
}

/** The same as an element of the JSON document. */
export function listedDocument({ reference, artifact, problem }: ListedArtifact) {
  return {
    tag: reference,
    kind: artifact?.kind,
    files: artifact?.files.length,
    size: artifact?.size,
    digest: artifact?.digest,
    problem,
  };
}
