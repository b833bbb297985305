/** Decides where the files of an artifact go, and makes sure that nothing is written elsewhere or replaced. @module */
import { basename, dirname, join } from "node:path";
import { makeDirectory } from "../content/atomic_file.ts";
import { writeError } from "../content/file_errors.ts";
import { ConflictError, InvalidInputError } from "../errors.ts";
import { requireDistinctPaths } from "../images/distinct_names.ts";
import { Staging } from "../images/staging.ts";
import type { Artifact, ArtifactFile } from "./artifact.ts";

/** A directory, and the files that are to lie below it. */
export interface Destination {
  /** The user's own choice: it is made if it is missing, and may be reached through links. */
  directory: string;
  /** The files, with the paths that they get below the directory. */
  files: ArtifactFile[];
}

/**
 * Where the files go. A single file goes to the path that the user names, or into an existing directory; several go into a
 * directory.
 *
 * @param files the wanted ones of the artifact's files, with safe paths
 * @throws {InvalidInputError} if several files are to go into one
 */
export async function destinationOf(
  artifact: Artifact,
  files: readonly ArtifactFile[],
  output: string,
): Promise<Destination> {
  const there = await Deno.stat(output).catch(() => undefined);
  const [first] = files;
  const isSingle = artifact.files.length === 1 && first !== undefined && !first.packed;
  if (isSingle && !there?.isDirectory && !/[/\\]$/.test(output)) {
    return { directory: dirname(output), files: [{ ...first, path: basename(output) }] };
  }
  if (!there || there.isDirectory) return { directory: output, files: [...files] };
  throw new InvalidInputError(`${output} is a file, and the artifact has several`, {
    hint: "name a directory: it is made if it is missing",
  });
}

/**
 * Makes the directories of the files, and looks at everything that has a name of theirs already, before the first byte is
 * fetched.
 *
 * @throws {ConflictError} if a file with other bytes exists and is not to be replaced, a name leads through a link, or
 *   the disk takes two names for one
 */
export async function prepareDestination(
  { directory, files }: Destination,
  { overwrite }: { overwrite?: boolean | undefined },
): Promise<void> {
  const plain = files.filter(({ packed }) => !packed);
  for (const file of plain) await requireFree(directory, file, { overwrite });
  await makeDirectory(directory);
  await requireDistinctPaths(files.map(({ path }) => path), async (names) => {
    await using staging = await Staging.in(directory, { limit: 0, sameOwner: false });
    return await staging.findSame(names);
  });
  for (const { path } of plain) await makeParents(directory, path);
}

/** A file of the same size may have the same bytes: it is read before it is called another one. */
async function requireFree(
  directory: string,
  { path, blob }: ArtifactFile,
  { overwrite }: { overwrite?: boolean | undefined },
): Promise<void> {
  for (const above of parentsOf(path)) {
    const found = await lookAt(join(directory, above));
    if (!found) return;
    requireDirectory(join(directory, above), found);
  }
  const found = await lookAt(join(directory, path));
  if (!found || found.isFile && (overwrite || found.size === 0 || found.size === blob.size)) return;
  const what = found.isSymlink
    ? " as a link, which is not followed"
    : found.isFile
    ? ", with other bytes"
    : "";
  throw new ConflictError(`${join(directory, path)} already exists${what}`, {
    hint: found.isFile
      ? "choose another directory, or replace it with --overwrite"
      : "choose another directory",
  });
}

/** Makes the directories above a file. None of them may be a link, which could lead anywhere. */
async function makeParents(directory: string, path: string): Promise<void> {
  for (const above of parentsOf(path)) {
    const full = join(directory, above);
    await makeDirectory(full);
    requireDirectory(full, await Deno.lstat(full));
  }
}

function requireDirectory(path: string, { isDirectory }: Deno.FileInfo): void {
  if (isDirectory) return;
  throw new ConflictError(`${path} is not a directory, and nothing is written through a link`, {
    hint: "choose another directory",
  });
}

/** The directories between the target and a file, the outermost first. */
function parentsOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw writeError(error, path);
  });
}
