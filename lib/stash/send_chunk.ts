/** Sends the bytes of one chunk, unless the store has them. @module */
import type { Turn } from "../async/turns.ts";
import type { OnEvent } from "../events.ts";
import type { InputChunk } from "../files/input.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { BlobStore } from "../store/store.ts";
import { withCutOffHint } from "../transfer/cut_off.ts";
import { chunkName } from "./stash.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Carries a verdict out, and reports the chunk as present or sent.
 *
 * @returns the chunk's bytes in the store
 * @throws {MismatchError} if the chunk is lost: a stream was read, and cannot be sent any more
 */
export async function sendChunk(
  store: BlobStore,
  { number, source, checkpoint, remember }: InputChunk,
  verdict: Verdict,
  { onEvent, signal, turn }: { onEvent: OnEvent | undefined; signal: AbortSignal; turn: Turn },
): Promise<Descriptor> {
  if (verdict.kind === "lost") throw verdict.error;
  const report = (state: "present" | "sent", { digest, size }: Descriptor) =>
    onEvent?.({ type: "blob", index: number, state, digest, size });
  if (verdict.kind === "present") {
    report("present", verdict.layer);
    return verdict.layer;
  }
  const layer = await store.write(source, {
    what: chunkName({ number }),
    checkFirst: verdict.checkFirst,
    checkpoint,
    turn,
    signal,
    onEvent,
  }).catch((error) => {
    throw withCutOffHint(error, "--jobs 1 or a smaller --chunk-size");
  });
  remember?.(layer.digest);
  report("sent", layer);
  return layer;
}
