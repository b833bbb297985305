/** The uploads to a layout that come in pieces: how many there may be, and which are hashed while they come. @module */
import { join } from "node:path";
import { ConflictError } from "../errors.ts";
import type { Algorithm } from "../oci/digest.ts";
import type { BeginUploadOptions, CallOptions, UploadInPieces, UploadsInPieces } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { UPLOAD_KEPT, uploadFile, uploadIn } from "./drafts.ts";
import { LayoutUpload } from "./layout_upload.ts";

/** How many uploads one layout has at most. Whoever begins uploads and leaves them cannot fill the directory. */
const MOST = 1000;
/** An upload that got nothing for so many milliseconds makes room where there are too many, or the disk is full. */
const IDLE = 3600_000;
/** For how many milliseconds a count that was too high is believed: counting takes longer than a request. */
const COUNTED_FOR = 10_000;
/** How many uploads are hashed while they come. Others are read again at their end. */
const HASHED = 64;

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

  async begin({ algorithm, signal }: BeginUploadOptions = {}): Promise<UploadInPieces> {
    signal?.throwIfAborted();
    await this.#reserve();
    const id = crypto.randomUUID();
    await this.#blobs.beginUpload(this.#path(id)).catch((error) => {
      this.#count--;
      throw error;
    });
    return this.#know(id, { size: 0, algorithm });
  }

  async find(id: string, { signal }: CallOptions = {}): Promise<UploadInPieces | undefined> {
    signal?.throwIfAborted();
    if (uploadFile(id) === undefined) return undefined;
    const info = await Deno.stat(this.#path(id)).catch(() => undefined);
    if (info?.isFile) return this.#know(id, { size: info.size });
    this.#known.delete(id);
    return undefined;
  }

  /** The upload with an ID, as the one that was used last. */
  #know(id: string, { size, algorithm }: { size: number; algorithm?: Algorithm | undefined }): LayoutUpload {
    const upload = this.#known.get(id) ?? new LayoutUpload(this.#path(id), {
      id,
      blobs: this.#blobs,
      algorithm,
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
    this.#count = (await this.#ids()).length;
    if (this.#count >= MOST) {
      await this.endAbandoned({ needsRoom: true });
      this.#count = (await this.#ids()).length;
    }
    this.#counted = Date.now();
    this.#counting = undefined;
  }

  async endAbandoned({ needsRoom, signal }: CallOptions & { needsRoom?: boolean } = {}): Promise<void> {
    for (const id of await this.#ids()) {
      signal?.throwIfAborted();
      const path = this.#path(id);
      const info = await Deno.stat(path).catch(() => undefined);
      if (!info?.mtime || Date.now() - info.mtime.getTime() <= (needsRoom ? IDLE : UPLOAD_KEPT)) continue;
      this.#known.get(id)?.forgetHash();
      this.#known.delete(id);
      await Deno.remove(path).catch(() => {}); // it may have ended meanwhile
    }
  }

  /** The IDs of all uploads, also of those that this process does not know. */
  async #ids(): Promise<string[]> {
    const ids: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#directory)) {
        const id = uploadIn(name);
        if (id !== undefined) ids.push(id);
      }
    } catch { /* there is no layout yet, or nobody may list it: then nobody can write there either */ }
    return ids;
  }

  #path(id: string): string {
    return join(this.#directory, uploadFile(id)!);
  }
}
