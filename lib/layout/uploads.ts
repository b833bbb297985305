/** Uploads to a layout that come in pieces: each is a file until it becomes a blob, and outlives the process. @module */
import { join } from "node:path";
import { storageError } from "../content/file_errors.ts";
import { writeAll } from "../content/write_all.ts";
import type { ByteStream } from "../content/bytes.ts";
import type { FollowingHash } from "../content/hasher.ts";
import { ConflictError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { OCTET_STREAM } from "../oci/media_types.ts";
import type { CallOptions, UploadInPieces, UploadsInPieces } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { closingOnce, LOCKS, UPLOAD_PREFIX } from "./drafts.ts";

/** How many uploads one layout has at most. Whoever begins uploads and leaves them cannot fill the directory. */
const MOST = 1000;
/** An upload that got nothing for so many milliseconds makes room where there are too many. */
const IDLE = 3600_000;
/** For how many milliseconds a count that was too high is believed: counting takes longer than a request. */
const COUNTED_FOR = 10_000;
/** How many uploads are hashed while they come. Others are read again at their end. */
const HASHED = 64;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The uploads of one layout. */
export class LayoutUploads implements UploadsInPieces {
  readonly #directory: string;
  readonly #blobs: Blobs;
  /** The uploads that this process knows, those that got their last piece long ago first. */
  readonly #known: Map<string, LayoutUpload> = new Map();
  /** How many uploads there are. At first they are not counted, and count as too many. */
  #count = MOST;
  /** When they were last counted. */
  #counted = -Infinity;
  #counting: Promise<void> | undefined;

  /** @param blobs the blobs of the same layout */
  constructor({ directory }: { directory: string }, blobs: Blobs) {
    this.#directory = directory;
    this.#blobs = blobs;
  }

  async begin({ signal }: CallOptions = {}): Promise<UploadInPieces> {
    signal?.throwIfAborted();
    await this.#reserve();
    const id = crypto.randomUUID();
    await this.#blobs.beginUpload(this.#path(id)).catch((error) => {
      this.#count--;
      throw error;
    });
    return this.#know(id, 0);
  }

  async find(id: string, { signal }: CallOptions = {}): Promise<UploadInPieces | undefined> {
    signal?.throwIfAborted();
    if (!ID.test(id)) return undefined;
    const info = await Deno.stat(this.#path(id)).catch(() => undefined);
    if (info?.isFile) return this.#know(id, info.size);
    this.#known.delete(id);
    return undefined;
  }

  /** The upload with an ID, as the one that was used last. */
  #know(id: string, size: number): LayoutUpload {
    const upload = this.#known.get(id) ?? new LayoutUpload(this.#path(id), {
      id,
      blobs: this.#blobs,
      forget: () => {
        if (this.#known.delete(id)) this.#count--;
      },
    });
    upload.correct(size);
    this.#known.delete(id);
    this.#known.set(id, upload);
    const older = Math.max(0, this.#known.size - HASHED);
    for (const each of this.#known.values().take(older)) each.forgetHash();
    return upload;
  }

  /**
   * Counts one upload more.
   *
   * @throws {ConflictError} if there are too many
   */
  async #reserve(): Promise<void> {
    if (this.#count >= MOST && Date.now() - this.#counted >= COUNTED_FOR) {
      await (this.#counting ??= this.#recount()); // once, however many ask
    }
    if (this.#count >= MOST) throw new ConflictError(`${MOST} uploads are under way: no other can begin`);
    this.#count++;
  }

  async #recount(): Promise<void> {
    this.#count = await this.#removeIdle();
    this.#counted = Date.now();
    this.#counting = undefined;
  }

  /** Counts the uploads. Where there are too many, removes those that are idle. */
  async #removeIdle(): Promise<number> {
    const ids: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#directory)) {
        if (name.startsWith(UPLOAD_PREFIX)) ids.push(name.slice(UPLOAD_PREFIX.length));
      }
    } catch { /* there is no layout yet, or nobody may list it: then nobody can write there either */ }
    if (ids.length < MOST) return ids.length;
    const ages = await Promise.all(ids.map(async (id) => {
      const info = await Deno.stat(this.#path(id)).catch(() => undefined);
      return Date.now() - (info?.mtime?.getTime() ?? Date.now());
    }));
    const idle = ids.filter((_, index) => ages[index]! > IDLE);
    for (const id of idle) await Deno.remove(this.#path(id)).catch(() => {});
    return ids.length - idle.length;
  }

  #path(id: string): string {
    return join(this.#directory, UPLOAD_PREFIX + id);
  }
}

/** One upload. */
class LayoutUpload implements UploadInPieces {
  readonly id: string;
  readonly #path: string;
  readonly #blobs: Blobs;
  readonly #forget: () => void;
  #size = 0;
  /** The hash of all bytes; `undefined` = not all were seen as they came. */
  #hash: FollowingHash | undefined;
  #isBusy = false;

  constructor(path: string, { id, blobs, forget }: { id: string; blobs: Blobs; forget: () => void }) {
    this.#path = path;
    this.id = id;
    this.#blobs = blobs;
    this.#forget = forget;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the size of the file for its own: another process may have appended to it. */
  correct(size: number): void {
    if (this.#isBusy || size === this.#size) return;
    this.forgetHash();
    this.#size = size;
  }

  /** Lets go of the thread that hashes. */
  forgetHash(): void {
    if (this.#isBusy) return;
    this.#hash?.drop();
    this.#hash = undefined;
  }

  async append(
    bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await this.#alone(async () => {
      using file = await this.#open();
      if (this.#size === 0) this.#hash ??= this.#blobs.follow(this.#path);
      await eachGathered(bytes, async (piece) => {
        await writeAll(file, piece);
        this.#size += piece.length;
        this.#hash?.advance(this.#size);
      }, signal);
    });
  }

  async finish(digest: Digest, { signal }: CallOptions = {}): Promise<Descriptor> {
    signal?.throwIfAborted();
    return await this.#alone(async () => {
      const file = await this.#open();
      const draft = { path: this.#path, file, [Symbol.dispose]: closingOnce(file) };
      const [hash, size] = [this.#hash, this.#size];
      this.#hash = undefined;
      try {
        await this.#blobs.adopt(draft, { digest, size, hash });
      } finally {
        this.#forget(); // not before: whoever asks for it meanwhile would get another object, and append to the blob
      }
      return { mediaType: OCTET_STREAM, digest, size };
    });
  }

  async cancel(): Promise<void> {
    await this.#alone(async () => {
      this.#hash?.drop();
      this.#hash = undefined;
      this.#forget();
      await Deno.remove(this.#path).catch(() => {});
    });
  }

  /** Opens the file for this process alone, which has all that it knows of. */
  async #open(): Promise<Deno.FsFile> {
    const file = await Deno.open(this.#path, { append: true });
    const isOwn = !LOCKS || await file.tryLock(true).catch(() => true); // a file system may have no locks
    if (isOwn && (await file.stat()).size === this.#size) return file;
    file.close();
    throw this.#conflict();
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw this.#conflict();
    this.#isBusy = true;
    try {
      return await work();
    } catch (error) {
      throw storageError(error, this.#path);
    } finally {
      this.#isBusy = false;
    }
  }

  #conflict(): ConflictError {
    return new ConflictError(`another request appends to the upload ${this.id}`);
  }
}

/** How many bytes one write takes: those of connections come in much smaller pieces, and each write waits for a thread. */
const GATHERED = 256 * 1024;

/** Gathers the pieces of a stream to larger ones. What came before the stream broke is not lost. */
async function eachGathered(
  stream: ByteStream,
  write: (piece: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = new Uint8Array(GATHERED);
  let length = 0;
  const flush = async () => {
    await write(buffer.subarray(0, length));
    length = 0;
  };
  try {
    for await (const piece of stream) {
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + GATHERED - length);
        buffer.set(part, length);
        [at, length] = [at + part.length, length + part.length];
        if (length === GATHERED) await flush();
      }
      signal?.throwIfAborted();
    }
  } finally {
    if (length > 0) await flush();
  }
}
