/** Large files that take no room on the disk, and of which no two mebibytes are the same. @module */
import { createHash } from "node:crypto";

const MiB = 1024 ** 2;

/** Writes a file of so many bytes: a few that tell each mebibyte from all others, and holes between them. */
export async function writeSparseFile(path: string, size: number, seed = 1): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  await file.truncate(size);
  for (let position = 0; position < size; position += MiB) {
    await file.seek(position, Deno.SeekMode.Start);
    const mark = new TextEncoder().encode(`${seed}:${position}`);
    await file.write(mark.subarray(0, size - position));
  }
}

/** The digest of a file, however large. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(MiB);
  for (let read; (read = file.readSync(buffer));) hash.update(buffer.subarray(0, read));
  return `sha256:${hash.digest("hex")}`;
}
