/** Chooses files of an artifact, and refuses what has none. @module */
import { NotFoundError } from "../errors.ts";
import { ignorePattern } from "../images/path_pattern.ts";
import { hintOfNames } from "../store/known_references.ts";
import { parseChunkTag } from "../stash/chunk_tags.ts";
import type { Artifact, ArtifactFile, ArtifactKind } from "./artifact.ts";

/** What can be done with what is not files. */
const HINTS: { readonly [kind in ArtifactKind]?: string } = {
  "container image": "layerstash extract takes files out of it, save downloads it, copy copies it",
};

/**
 * Chooses files by globs, each of which has to match something.
 *
 * @param only the globs, as `.gitignore` has them; `undefined` = all files
 * @throws {NotFoundError} if the artifact has no files, or one of these matches none
 */
export async function chooseFiles(
  { kind, reference, files }: Artifact,
  only?: readonly string[] | undefined,
): Promise<ArtifactFile[]> {
  if (files.length === 0) {
    const what = kind === "several blobs" ? "has no files" : `is a ${kind}, not files`;
    const chunk = kind === "chunk of a stored file" ? parseChunkTag(reference) : undefined;
    throw new NotFoundError(`${reference} ${what}`, {
      hint: chunk
        ? `name the stored file, ${chunk.baseTag}`
        : HINTS[kind] ?? "layerstash inspect shows what it is",
    });
  }
  if (!only) return files;
  const patterns = await Promise.all(only.map(ignorePattern));
  for (const { text, includes } of patterns) {
    if (files.some(({ path }) => includes(path))) continue;
    throw new NotFoundError(`${reference} has no file ${text}`, {
      hint: hintOfNames(files.map(({ path }) => path)),
    });
  }
  return files.filter(({ path }) => patterns.some(({ includes }) => includes(path)));
}
