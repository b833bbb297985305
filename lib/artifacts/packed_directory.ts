/** Unpacks the archive of a directory that was fetched, after all of it was looked at. @module */
import { algorithmOf, DigestHash } from "../oci/digest.ts";
import { join } from "node:path";
import { readFile } from "../content/file_source.ts";
import { ConflictError, LayerstashError, MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { openDisk } from "../folders/open_disk.ts";
import { extract } from "../images/extract.ts";
import { ImageFiles } from "../images/image_files.ts";
import { whiteoutOf } from "../images/whiteouts.ts";
import { compressionOf, decompress } from "../layers/compression.ts";
import type { OpenEntry } from "../layers/entry.ts";
import { readTar } from "../layers/read_tar.ts";
import { StreamInput } from "../layers/tar_input.ts";
import { quoted } from "../messages.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { BlobReader } from "../store/store.ts";
import type { ArtifactFile } from "./artifact.ts";
import { hasEntry } from "./entry_on_disk.ts";

/** How an archive is unpacked. */
export interface UnpackOptions {
  /** The directory below which everything goes. */
  directory: string;
  /** Replaces files with other bytes. */
  overwrite?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onEvent?: OnEvent | undefined;
}

/** How many bytes tell the compression. */
const HEAD = 4;

/**
 * Unpacks a fetched archive, as `extract` unpacks the layers of an image. Files that are there already with the same bytes
 * are no conflict, so that a run that was interrupted can be repeated.
 *
 * @param archive the path of the archive, whose bytes are verified
 * @throws {MismatchError} if it is damaged, has another digest without its compression, or an entry outside of its directory
 * @throws {ConflictError} if something else is in the way; nothing is changed then
 * @throws {LayerstashError} if it has a whiteout, which cannot be unpacked as a file
 */
export async function unpack(archive: string, file: ArtifactFile, options: UnpackOptions): Promise<void> {
  if (await isInPlace(archive, file, options)) return;
  const { path, blob: { mediaType, size, digest }, packed } = file;
  const { directory, signal, onEvent } = options;
  const layer = { mediaType, size, digest, number: 1 };
  const files = new ImageFiles(readerOf(archive, layer), [layer], { name: quoted(path), signal, onEvent });
  const wanted = literally(packed?.within || "/");
  // What is there is the same, or to be replaced.
  await extract(files, [wanted], { directory, overwrite: true, whole: true }).catch((error) => {
    if (!(error instanceof LayerstashError) || error.kind !== "failed") throw error;
    throw error.with({ hint: "layerstash save --layer gets the archive as it is" });
  });
}

/**
 * Looks at all of an archive, and at what has the names of its entries on the disk.
 *
 * @returns whether every entry is there already
 * @throws {MismatchError} if the archive is not the one that the artifact names, or has an entry outside of its directory
 * @throws {ConflictError} if something else has the name of an entry, and is not to be replaced
 */
async function isInPlace(
  archive: string,
  { path, blob, packed: { within, digest } = { within: "" } }: ArtifactFile,
  { directory, overwrite, signal }: UnpackOptions,
): Promise<boolean> {
  const hash = new DigestHash(algorithmOf(digest ?? ""));
  const links = new Set<string>();
  using disk = openDisk();
  let [isThere, other] = [!overwrite, undefined as string | undefined];
  for await (const entry of archiveEntries(archive, blob, hash, signal)) {
    requireWithin(entry, within, { of: path, links });
    requireNoWhiteout(entry, path);
    if (entry.type === "symlink") links.add(entry.path);
    const found = overwrite ? "absent" : await hasEntry(entry, { directory, disk });
    isThere &&= found === "same";
    if (found === "other") other ??= join(directory, entry.path);
  }
  if (digest !== undefined && digest !== hash.digest()) {
    throw new MismatchError(`the archive of ${quoted(path)} is not the one that the artifact names`);
  }
  if (other === undefined) return isThere;
  throw new ConflictError(`${other} already exists, with other content`, {
    hint: "choose another directory, or replace it with --overwrite",
  });
}

/** The entries of an archive. Its bytes without the compression are hashed, to the last one. */
async function* archiveEntries(
  archive: string,
  { size }: SizedBlob,
  hash: { update(bytes: Uint8Array): unknown },
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenEntry> {
  const head = await new Response(readFile(archive, { start: 0, end: Math.min(HEAD, size) })).bytes();
  const bytes = decompress(readFile(archive, { start: 0, end: size }, signal), compressionOf(head), signal);
  const hashed = async function* () {
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
  };
  const input = new StreamInput(hashed());
  try {
    yield* readTar(input);
    await input.finish();
  } finally {
    await input.close();
  }
}

/**
 * Refuses an entry that does not lie at or below a path, or that a link of the archive leads to: it would get another place
 * than the one that was looked at. The directories that lead there are no harm.
 */
function requireWithin(
  { path, name, type }: OpenEntry,
  within: string,
  { of, links }: { of: string; links: ReadonlySet<string> },
): void {
  const parts = path.split("/");
  if (parts.some((_, count) => count > 0 && links.has(parts.slice(0, count).join("/")))) {
    throw new MismatchError(`the archive of ${quoted(of)} has an entry behind a link: ${quoted(name)}`);
  }
  if (within === "" || path === within || path.startsWith(`${within}/`)) return;
  if (type === "directory" && (path === "" || within.startsWith(`${path}/`))) return;
  throw new MismatchError(`the archive of ${quoted(of)} has an entry outside of it: ${quoted(name)}`);
}

/** Refuses a file that would be lost: in layers of images such names stand for the removal of others. */
function requireNoWhiteout({ path, name }: OpenEntry, of: string): void {
  if (!whiteoutOf(path)) return;
  throw new LayerstashError(`the archive of ${quoted(of)} has a file ${quoted(name)}, a whiteout of images`, {
    hint: "layerstash save --layer gets the archive as it is",
  });
}

/** A path as a pattern that matches it alone. */
function literally(path: string): string {
  return path.replaceAll(/[*?[\]{}\\]/g, "\\$&");
}

/** Reads the blob that a file holds. */
function readerOf(path: string, { size }: SizedBlob): BlobReader {
  const open: BlobReader["read"] = (_digest) => Promise.resolve(readFile(path, { start: 0, end: size }));
  return {
    name: path,
    stat: () => Promise.resolve(size),
    read: open,
    readUnverified: (_digest, { range = { start: 0, end: size } } = {}) =>
      Promise.resolve(readFile(path, range)),
  };
}
