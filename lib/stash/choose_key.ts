/** Chooses the key of an encrypted upload: its journal and what is stored already decide. @module */
import * as v from "valibot";
import { type Bytes, isSameBytes } from "../content/bytes.ts";
import { AgeHeader, isHeaderFor } from "../encryption/age_header.ts";
import { keyKindOf } from "../encryption/header_text.ts";
import type { Identities } from "../encryption/identities.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { ConflictError, NotAllowedError } from "../errors.ts";
import type { Journal } from "../files/journal.ts";
import { bytesSchema, lastRecord } from "../files/key_journal.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkPresence } from "./check_stash.ts";
import { type ChosenPlaces, storedBefore } from "./chunk_places.ts";
import { chunkTag } from "./chunk_tags.ts";
import { decryptDetails, headerOfDetails } from "./encrypted_details.ts";
import type { ExistingLook } from "./existing_chunks.ts";
import { encryptedSlicing, StashKey } from "./stash_key.ts";

/**
 * While it runs, the journal has the header, the file key, the most that a chunk may have, and digests of the file's chunks;
 * at the end the header alone.
 */
const keySchema = v.object({
  header: bytesSchema,
  fileKey: v.optional(bytesSchema),
  chunkSize: v.optional(v.number()),
});

/** What `chooseKey` takes. */
export interface ChooseKeyOptions extends CallOptions {
  /** Keys with which a stash of this name can be read, to compare it. */
  identities?: Identities | undefined;
  store: StoreReader;
  /** Looks at what has the name. */
  lookUp: ExistingLook;
  /** The name of the stash. */
  baseTag: string;
  /** The most that a stored chunk may have, in bytes. */
  chunkSize: number;
  overwrite?: boolean | undefined;
  /** Whether the next run may bring other bytes without notice: those of a stream. */
  mayChange?: boolean | undefined;
}

/** The header that the chunks have, with its key; or else with the details of a stash that has just these chunks. */
export interface ChosenKey extends ChosenPlaces {
  header: Bytes;
  key?: StashKey;
  /** Of a stash that is there: the marks of the public keys that its header is for. */
  recipients?: string[];
  stored?: { chunks: readonly { digest: Digest }[]; details: string };
  /** Whether nobody knows who can read that stash, beside whoever compares it. */
  isForUnknown?: boolean;
  /**
   * Of a new key: puts it into the journal. To be called before anything is encrypted with it, and not where a conflict ends
   * the upload before.
   */
  keepKey?: () => void;
  /** The records of the process that chose the key, if this upload goes on with it. */
  earlier?: readonly unknown[];
}

/**
 * Chooses the key: that of this upload, where it was interrupted or is complete; else that of the complete stash of this name,
 * to compare it; else a new one. No other content is ever encrypted with the key of a stash: its nonces serve once. So other
 * slices of the same file have another key, too. What may change goes on where chunks are stored, and not with `overwrite`,
 * which sends all of it.
 */
export async function chooseKey(
  journal: Journal,
  encryptTo: Recipients,
  options: ChooseKeyOptions,
): Promise<ChosenKey> {
  const { store, lookUp, baseTag, chunkSize, mayChange, overwrite, signal, onEvent } = options;
  const { identities = encryptTo.identities } = options;
  const kept = lastRecord(journal, keySchema);
  const isMine = () => isHeaderFor(kept!.header, encryptTo);
  const going = await goOn(journal, kept, { ...options, isMine });
  if (going) return going;
  const { complete: existing } = await lookUp({ signal, onEvent });
  const details = existing?.encryption?.details?.();
  if (existing && details !== undefined) {
    const header = headerOfDetails(details);
    if (identities && !overwrite) {
      const isForUnknown = !encryptTo.identities && !(kept && isSameBytes(kept.header, header));
      return { header, ...await keyToCompare(baseTag, details, identities), isForUnknown };
    }
    const isHere = !mayChange && kept && isSameBytes(kept.header, header) && await isMine() &&
      (await checkPresence(store, existing, { signal })).length === 0;
    if (isHere) return { header, stored: { chunks: existing.chunks, details } };
    if (!overwrite) throw cannotCompare(baseTag, header);
  }
  const header = await AgeHeader.make(encryptTo);
  const record = { header: header.bytes.toBase64(), fileKey: header.exportFileKey().toBase64(), chunkSize };
  let isKept = false;
  const keepKey = () => {
    if (!isKept) journal.replace(record);
    isKept = true;
  };
  return { ...withFileKey(header), keepKey };
}

/** The key with which an upload goes on that was interrupted; `undefined` = it does not. */
async function goOn(
  journal: Journal,
  kept: v.InferOutput<typeof keySchema> | undefined,
  { isMine, chunkSize, mayChange, overwrite, lookUp, signal, onEvent }: ChooseKeyOptions & {
    isMine: () => Promise<boolean>;
  },
): Promise<ChosenKey | undefined> {
  if (!kept?.fileKey || kept.chunkSize === undefined || mayChange && overwrite) return undefined;
  const sliced = (most: number) => encryptedSlicing(most, { bytes: kept.header }).plainSize;
  if (sliced(kept.chunkSize) !== sliced(chunkSize) || !await isMine()) return undefined;
  const before = mayChange ? storedBefore(journal, await lookUp({ signal, onEvent })) : undefined;
  if (before?.size === 0) return undefined;
  const header = await AgeHeader.restore(kept.header, kept.fileKey);
  return { ...withFileKey(header), earlier: journal.earlier, before };
}

function withFileKey(header: AgeHeader): ChosenKey {
  return { header: header.bytes, key: new StashKey(header) };
}

/** The key of a stash that has the name already, and for whom that is. */
async function keyToCompare(
  baseTag: string,
  encoded: string,
  identities: Identities,
): Promise<Pick<ChosenKey, "key" | "recipients" | "places">> {
  try {
    const { key, details: { recipients = [], places } } = await decryptDetails(encoded, identities);
    return { key, recipients, places };
  } catch (cause) {
    if (!(cause instanceof NotAllowedError)) throw cause;
    throw new ConflictError(`${encryptedAlready(baseTag)} with another key: ${cause.message}`, {
      hint: REPLACE,
      cause,
    });
  }
}

/** Beside `--encrypt-to`, there is no way to tell an upload the passphrase of what is stored. */
function cannotCompare(baseTag: string, header: Bytes): ConflictError {
  const [what, how] = keyKindOf(header) === "passphrase"
    ? ["passphrase", ""]
    : ["key", "name its key with --identity FILE; or "];
  return new ConflictError(
    `${encryptedAlready(baseTag)}: without its ${what} it cannot be compared with what is to be stored`,
    { hint: how + REPLACE, isReplaceable: true },
  );
}

const encryptedAlready = (baseTag: string) => `${chunkTag(baseTag, 1)} already exists, and is encrypted`;
const REPLACE = "use another name, or --overwrite to replace it";
