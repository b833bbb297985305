/** A tar archive on disk whose files are read in place: its headers are read once. @module */
import { posix } from "node:path";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import { readError } from "../content/file_errors.ts";
import { readFile } from "../content/file_source.ts";
import type { ByteRange } from "../content/source.ts";
import { InvalidInputError, type LayerstashError, MismatchError, NotFoundError } from "../errors.ts";
import { EntryBudget } from "../images/entry_budget.ts";
import { compressionOf, unsupportedCompressionOf } from "../layers/compression.ts";
import { type Entry, normalPath } from "../layers/entry.ts";
import { RangedInput } from "../layers/ranged_input.ts";
import { NotAnArchiveError, readTar } from "../layers/read_tar.ts";
import { quoted } from "../messages.ts";

/** The most links that are followed to a file. */
const MOST_LINKS = 8;
/** The most entries of an archive of images. Those of a hundred images have some thousands. */
const MOST_ENTRIES = 200_000;

/** A file in the archive by its place, or a link by the path that it leads to. */
type Place = { range: ByteRange } | { target: string | undefined } | "repeated" | "sparse";

/** The files of an archive. */
export class TarFile {
  readonly path: string;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(path: string, places: ReadonlyMap<string, Place>) {
    this.path = path;
    this.#places = places;
  }

  /**
   * Reads the headers of an archive.
   *
   * @throws {InvalidInputError} if the file is not a tar archive, or is compressed
   * @throws {NotFoundError} if there is no such file
   * @throws {MismatchError} if it is damaged, or lists too much
   */
  static async open(path: string, signal?: AbortSignal): Promise<TarFile> {
    try {
      const { isFile, size } = await Deno.stat(path);
      if (!isFile) throw notAnArchive(path);
      const from = (start: number) => piecesFrom(path, { start, end: size });
      return new TarFile(path, await placesIn(new RangedInput({ size, from }, `archive ${path}`), signal));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof NotAnArchiveError) throw await whyNoArchive(path);
      throw archiveError(error, path);
    }
  }

  /**
   * The place of a file; `undefined` = absent. Links are followed, within the archive.
   *
   * @throws {MismatchError} if readers would disagree on its bytes: it is in the archive twice, or sparse
   */
  find(name: string): ByteRange | undefined {
    let at: string | undefined = name;
    for (let links = 0; at !== undefined && links <= MOST_LINKS; links++) {
      const place = this.#places.get(at);
      if (place === undefined) return undefined;
      if (place === "repeated") throw new MismatchError(`${quoted(at)} is in ${this.path} several times`);
      if (place === "sparse") throw new MismatchError(`${quoted(at)} in ${this.path} is a sparse file`);
      if ("range" in place) return place.range;
      at = place.target;
    }
    return undefined;
  }

  /** Reads a part of the archive. */
  read(range: ByteRange, signal?: AbortSignal): ByteStream {
    return readFile(this.path, range, signal);
  }

  /**
   * The bytes of a small file; `undefined` = absent.
   *
   * @throws {MismatchError} if it has more than `most` bytes
   */
  async bytes(name: string, most: number): Promise<Bytes | undefined> {
    const range = this.find(name);
    if (!range) return undefined;
    if (range.end - range.start <= most) return await collect(this.read(range), most);
    throw new MismatchError(`${name} in ${this.path} is too large: at most ${most} bytes are read`);
  }
}

async function* piecesFrom(path: string, range: ByteRange): AsyncGenerator<Bytes> {
  yield* readFile(path, range);
}

async function placesIn(input: RangedInput, signal: AbortSignal | undefined): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const budget = new EntryBudget();
  let left = MOST_ENTRIES;
  try {
    for await (const entry of readTar(input)) {
      signal?.throwIfAborted();
      budget.take(entry);
      if (--left < 0) throw new MismatchError(`the archive has more than ${MOST_ENTRIES} entries`);
      const place = entryContent(entry, input.position);
      if (place && isInside(entry.name)) places.set(entry.path, places.has(entry.path) ? "repeated" : place);
    }
  } finally {
    await input.close();
  }
  return places;
}

/** @param start the position of its content */
function entryContent(
  { type, name, path, size, target = "", sparse }: Entry,
  start: number,
): Place | undefined {
  if (type === "file") return sparse ? "sparse" : { range: { start, end: start + size } };
  if (type === "hardlink") return { target: isInside(target) ? normalPath(target) : undefined };
  if (type !== "symlink" || target.startsWith("/")) return undefined;
  const led = posix.join(posix.dirname(name), target);
  return { target: isInside(led) && path !== "" ? normalPath(led) : undefined };
}

/** Whether a name stays in the archive's own directory. Others are passed over: no tool writes them. */
function isInside(name: string): boolean {
  return !name.startsWith("/") && !name.split("/").includes("..");
}

async function whyNoArchive(path: string): Promise<LayerstashError> {
  using file = await Deno.open(path);
  const head = new Uint8Array(4);
  await file.read(head);
  const compression = compressionOf(head);
  const packed = compression === "none" ? unsupportedCompressionOf(head) : compression;
  if (packed === undefined) return notAnArchive(path);
  const unpack = { gzip: "gzip -d", zstd: "zstd -d", bzip2: "bzip2 -d", xz: "xz -d" }[packed];
  return new InvalidInputError(`${path} is compressed with ${packed}, and only plain archives are read`, {
    hint: `decompress it first: ${unpack} < ${path} > ${path.replace(/\.(t?gz|zst|bz2|xz)$/, "")}.tar`
      .replace(/\.tar\.tar$/, ".tar"),
  });
}

function notAnArchive(path: string): InvalidInputError {
  return new InvalidInputError(`${path} is neither a tar archive of images nor a layout`, {
    hint: "use a file of docker save, podman save, skopeo copy or crane pull, or the directory of a layout",
  });
}

function archiveError(error: unknown, path: string): unknown {
  if (error instanceof Deno.errors.NotFound) {
    return new NotFoundError(`there is no file ${path}`, {
      hint:
        "archives are only read; to make one, copy the image to oci:DIR, and then: tar cf FILE.tar -C DIR .",
      cause: error,
    });
  }
  if (!(error instanceof MismatchError)) return readError(error, path);
  return error.message.includes(path) ? error : error.with({ message: `${path}: ${error.message}` });
}
