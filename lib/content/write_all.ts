/** Writes all bytes where one call may take only some of them. @module */

/** When a pipe that does not block is tried again, in milliseconds. */
const SOON = 5;

/** Writes all the bytes to a file, at its position, or to a pipe. */
export async function writeAll(
  target: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += await target.write(bytes.subarray(offset));
    } catch (error) {
      if (isFull(error)) await new Promise((resolve) => setTimeout(resolve, SOON));
    }
  }
}

/** Writes all the bytes to a file, at its position, or to a pipe. Nothing else runs until that is done. */
export function writeAllSync(target: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += target.writeSync(bytes.subarray(offset));
    } catch (error) {
      if (isFull(error)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SOON);
    }
  }
}

/** Whether a pipe is full that another process made non-blocking. A signal that came between is no failure either. */
function isFull(error: unknown): boolean {
  if (error instanceof Deno.errors.WouldBlock) return true;
  if (error instanceof Deno.errors.Interrupted) return false;
  throw error;
}
