/** The digest of bytes that are hashed before any of them is sent. @module */
import { abortable } from "../async/abortable.ts";
import type { OnEvent } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import type { Source } from "./source.ts";

/** Hashes a source to find out whether it has to be sent. That may take as long as sending it, and has a progress of its own. */
export async function digestFirst(
  source: Source,
  { signal, onEvent }: { signal?: AbortSignal | undefined; onEvent?: OnEvent | undefined },
): Promise<Digest> {
  const onBytes = (bytes: number) => onEvent?.({ type: "progress", phase: "hash", bytes });
  return await abortable(source.digest(onBytes), signal);
}
