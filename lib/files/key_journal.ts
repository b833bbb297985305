/** The journal of an encrypted upload: it keeps the key while the upload runs, so that another process can go on. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import type { Recipients } from "../encryption/recipients.ts";
import type { Input } from "./input.ts";
import { type Journal, openJournal } from "./journal.ts";
import type { MemoryOptions } from "./remembered_input.ts";

/** Bytes as a journal has them: in base64. */
export const bytesSchema: v.GenericSchema<unknown, Bytes> = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => Uint8Array.fromBase64(text)),
);

/**
 * Opens the journal of an input that is encrypted for recipients. Another file, or other recipients, are another subject: no
 * key goes over to them. What has no identity, as a stream, has a journal for each of its recipients: one whose bytes come again
 * goes on, also if others were named in between. Its bytes may be others each time: whoever gives such an input a directory makes
 * sure that no nonce serves for two contents.
 *
 * @throws {ConflictError} if another process stores the same there
 */
export async function openKeyJournal(
  { identity }: Input,
  encryptTo: Recipients,
  { store, name, stateDirectory, onEvent }: MemoryOptions,
): Promise<Journal> {
  return await openJournal({
    directory: stateDirectory,
    name: `encrypted upload of ${name} to ${store.name}`,
    where: identity ? store.url : JSON.stringify([store.url, encryptTo.id]),
    subject: JSON.stringify([identity, encryptTo.id]),
    onEvent,
  });
}

/** The newest record of a kind that an earlier process has left; `undefined` = there is none. */
export function lastRecord<T>({ earlier }: Journal, schema: v.GenericSchema<unknown, T>): T | undefined {
  for (const record of earlier.toReversed()) {
    const { success, output } = v.safeParse(schema, record);
    if (success) return output;
  }
  return undefined;
}
