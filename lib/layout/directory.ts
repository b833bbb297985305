/** The directory of a layout: creates it, locks it for one writer at a time, and detects a lost index. @module */
import { join } from "node:path";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import { createAtomically, makeDirectory, writeAtomically } from "../content/atomic_file.ts";
import { denied, isAbsence } from "../content/file_errors.ts";
import { MismatchError } from "../errors.ts";
import { type Algorithm, ALGORITHMS } from "../oci/digest.ts";
import { MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { isDirectory } from "../oci/path_reference.ts";

/** One call of this process asks for the lock at a time: waiting for it blocks a thread, and its holder needs one too. */
const turns = new KeyedMutex();

/**
 * Creates a layout where it is missing, and locks it until the block ends. Writers of all processes take turns: each holds a
 * lock on the file `oci-layout`, which is written once and never replaced.
 *
 * @throws {MismatchError} if the layout has manifests, but has lost its index
 */
export async function lockLayout(directory: string): Promise<Disposable> {
  await createLayout(directory);
  using turn = new DisposableStack();
  turn.use(await turns.lock(directory));
  const marker = turn.use(await Deno.open(join(directory, "oci-layout"), { read: true, write: true }));
  await marker.lock(true);
  await beginIndex(directory);
  return turn.move();
}

/** Creates the directories of a layout, and the file `oci-layout` that marks it, where they are missing. */
export async function createLayout(directory: string): Promise<void> {
  const marker = join(directory, "oci-layout");
  if (mayExist(marker) && isDirectory(join(directory, "blobs", "sha256"))) return;
  await createBlobDirectory(directory, "sha256");
  if (mayExist(marker)) return;
  await createAtomically(marker, new TextEncoder().encode(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
}

/** Creates the directory for the blobs of an algorithm where it is missing. Those of sha256 have one from the beginning. */
export async function createBlobDirectory(directory: string, algorithm: Algorithm): Promise<void> {
  const path = join(directory, "blobs", algorithm);
  if (!isDirectory(path)) await makeDirectory(path);
}

/** The directories in which the blobs of a layout may be. */
export function blobDirectories(directory: string): string[] {
  return ALGORITHMS.map((algorithm) => join(directory, "blobs", algorithm));
}

/**
 * Creates the index of a layout where it is missing. Whoever locks a layout calls this: so every layout has an index before
 * its first manifest, and one that has manifests and no index has lost it.
 *
 * @throws {MismatchError} if it is lost
 */
async function beginIndex(directory: string): Promise<void> {
  const path = join(directory, "index.json");
  if (mayExist(path)) return;
  if (await hasManifests(directory)) throw indexLost(directory);
  const index = { schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests: [] };
  await writeAtomically(path, new TextEncoder().encode(JSON.stringify(index)));
}

/**
 * Whether there is a manifest among the blobs of a layout, which means that something was listed. Writers that were killed
 * before they listed anything leave other blobs only, and the next one reuses those.
 */
export async function hasManifests(directory: string): Promise<boolean> {
  for (const blobs of blobDirectories(directory)) if (await areManifestsIn(blobs)) return true;
  return false;
}

async function areManifestsIn(blobs: string): Promise<boolean> {
  try {
    for await (const { name, isFile } of Deno.readDir(blobs)) {
      if (isFile && !name.startsWith(".") && await holdsManifest(join(blobs, name))) return true;
    }
  } catch (error) {
    if (!isAbsence(error)) throw denied(error, `${blobs} may not be read: permission denied`) ?? error;
  }
  return false;
}

async function holdsManifest(path: string): Promise<boolean> {
  try {
    if ((await Deno.stat(path)).size > MAX_MANIFEST_SIZE) return false;
    const { schemaVersion, layers, manifests } = JSON.parse(await Deno.readTextFile(path));
    return schemaVersion === 2 && (Array.isArray(layers) || Array.isArray(manifests));
  } catch {
    return false; // not JSON, or deleted meanwhile
  }
}

/** The error for a layout that has lost its index. */
export function indexLost(directory: string): MismatchError {
  return new MismatchError(
    `${directory} has lost its index.json, which says what its images are`,
    {
      hint: howToRestore(directory),
    },
  );
}

/** The hint for an index that is lost or damaged. */
export function howToRestore(directory: string): string {
  return `bring back index.json from a backup, or move ${directory} away and store everything anew`;
}

/** Asked for each blob: a look at the cache of the system takes less time than waiting for another thread. */
function mayExist(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
