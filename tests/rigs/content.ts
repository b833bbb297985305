/** Bytes to be stored, streams to feed and to fill, and a directory for files. @module */
import { join } from "node:path";

/** Bytes that look random and are the same every time. */
export function someBytes(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** A stream of bytes in pieces of a size; whole where none is given. */
export function streamOf(
  bytes: Uint8Array<ArrayBuffer>,
  pieceSize: number = bytes.length,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let position = 0;
  return new ReadableStream({
    pull(controller) {
      if (position >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(position, position += pieceSize));
    },
  }, { highWaterMark: 0 });
}

/** A stream that keeps what is written to it. */
export function sink(): { stream: WritableStream<Uint8Array>; bytes(): Uint8Array; closed(): boolean } {
  const pieces: Uint8Array[] = [];
  let ended = false;
  const stream = new WritableStream<Uint8Array>({
    write: (piece) => void pieces.push(piece),
    close: () => void (ended = true),
  });
  return { stream, bytes: () => concatenate(pieces), closed: () => ended };
}

/** Pieces, one behind the other. */
export function concatenate(pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** A directory that goes with the test. */
export interface Workspace extends AsyncDisposable {
  /** The path of a file in it. */
  path(name: string): string;
  /** Writes a file, and says when it was last changed. */
  write(name: string, bytes: Uint8Array | string, changed?: string): Promise<string>;
  /** Whether there is such a file. */
  has(name: string): Promise<boolean>;
}

async function removeTree(directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch(async (error) => {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    await unlock(directory);
    await Deno.remove(directory, { recursive: true });
  });
}

/** What came out of an image may be closed to its owner, too. */
async function unlock(directory: string): Promise<void> {
  await Deno.chmod(directory, 0o700);
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) await unlock(join(directory, name));
  }
}

/** Makes the directory. */
export async function makeWorkspace(): Promise<Workspace> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-test-" });
  const path = (name: string) => join(directory, name);
  return {
    path,
    async write(name, bytes, changed = "2024-02-03T04:05:06.000Z") {
      await Deno.writeFile(path(name), typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
      await Deno.utime(path(name), new Date(changed), new Date(changed));
      return path(name);
    },
    has: (name) => Deno.lstat(path(name)).then(() => true, () => false),
    [Symbol.asyncDispose]: () => removeTree(directory),
  };
}
