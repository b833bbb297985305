/** Changes who can decrypt a stash: its chunks get another header, and nothing is encrypted again. @module */
import * as v from "valibot";
import { inParallel } from "../async/pool.ts";
import { isSameBytes } from "../content/bytes.ts";
import { AgeHeader, isHeaderFor, isOpenedBy } from "../encryption/age_header.ts";
import type { Identities } from "../encryption/identities.ts";
import { Recipients } from "../encryption/recipients.ts";
import { type Journal, openJournal } from "../files/journal.ts";
import { bytesSchema, lastRecord } from "../files/key_journal.ts";
import { rememberInput } from "../files/remembered_input.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { adaptiveJobs, checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { completeStash } from "./complete_stash.ts";
import { decryptStash, openSecrets, type StashSecrets } from "./open_stash.ts";
import { marksOf, type StashInput } from "./encrypted_input.ts";
import { lookUpExisting } from "./existing_chunks.ts";
import { findStash } from "./find_stash.ts";
import { requireRewrappable, rewrapInput } from "./rewrapped_input.ts";
import { sendChunk } from "./send_chunk.ts";
import { reportPlan, type Stash } from "./stash.ts";
import { StashDraft } from "./stash_draft.ts";
import { StashKey } from "./stash_key.ts";
import { StashTags } from "./stash_tags.ts";
import type { TransferOptions } from "./verb_options.ts";
import { Verdicts } from "./verdict.ts";

/**
 * Options of {@link changeRecipients}.
 *
 * @category Files
 */
export interface ChangeRecipientsOptions extends TransferOptions {
  /** Keys that open the stash as it is. */
  identities: Identities | undefined;
  /** Those who can decrypt it then. */
  recipients: Recipients;
  /** Whether those who can decrypt it now still can. Those of the others who can already are not added again. */
  keep?: boolean | undefined;
  /** Only reports the plan: how many bytes would be sent. */
  dryRun?: boolean | undefined;
}

/**
 * The result of {@link changeRecipients}.
 *
 * @category Files
 */
export interface RecipientsChange {
  /** The stash, with what is known of the file. */
  stash: Stash;
  /** Its headers were exchanged, or would be (`dryRun`); or it had these recipients already. */
  state: "changed" | "planned" | "present";
  /** Whether the keys that opened the stash open it no more. */
  locksOut: boolean;
}

/**
 * Changes who can decrypt a stash. Each chunk gets another header, in which the same key of the file is wrapped for others; the
 * encrypted bytes stay as they are. A blob cannot be changed in its place: so all chunks are fetched and sent once, and put
 * under their tags when all are there. At each moment the tags lead to a stash that can be read. Calling it again resumes.
 *
 * **It takes nothing back**: whoever could decrypt the stash may have kept its key or its bytes, and a registry may keep
 * what was replaced.
 *
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {NotAllowedError} if the identities do not open it
 * @throws {InvalidInputError} if layerstash has not encrypted it, or the recipients cannot stand beside those that are kept
 * @throws {ConflictError} if another upload or change of the stash is under way
 *
 * @example
 * ```ts
 * import { download, openStore, upload } from "@layerstash/cli";
 * import { changeRecipients, generateKey, Identities, Recipients } from "@layerstash/cli/encryption";
 *
 * const directory = await Deno.makeTempDir();
 * const [mine, yours] = [await generateKey(), await generateKey()];
 * await Deno.writeTextFile(`${directory}/mine.txt`, mine.identity);
 * await Deno.writeTextFile(`${directory}/yours.txt`, yours.identity);
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const encryptTo = await Recipients.of([mine.recipient]);
 * await upload(store, "note", { input: new Response("a secret").body!, encryptTo });
 *
 * await changeRecipients(store, "note", {
 *   identities: await Identities.inFiles([`${directory}/mine.txt`]),
 *   recipients: await Recipients.of([yours.recipient]),
 *   keep: true,
 * });
 * const identities = await Identities.inFiles([`${directory}/yours.txt`]);
 * await download(store, "note", { output: `${directory}/note.txt`, identities });
 * if (await Deno.readTextFile(`${directory}/note.txt`) !== "a secret") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function changeRecipients(
  store: Store,
  baseTag: string,
  options: ChangeRecipientsOptions,
): Promise<RecipientsChange> {
  checkTransfer(options);
  const { identities, dryRun, jobs, signal, onEvent = store.onEvent } = options;
  const stateDirectory = dryRun ? undefined : options.stateDirectory;
  const found = await findStash(store, baseTag, { signal, onEvent });
  requireRewrappable(found);
  const secrets = await openSecrets(found, identities);
  const { stash } = decryptStash(store, found, secrets);
  using journal = await openChangeJournal(store, baseTag, { ...options, stateDirectory, onEvent });
  const header = await chooseHeader(journal, stash, secrets, options);
  const locksOut = !await isOpenedBy(header.bytes, identities!);
  if (header === secrets.key.header) return { stash, state: "present", locksOut };
  const key = new StashKey(header);
  const marks = recipientsThen(secrets, options);
  const chunks = rewrapInput(store, stash, { secrets, key, recipients: marks, signal, onEvent });
  await using input = await rememberInput(chunks, { store, name: baseTag, stateDirectory, onEvent });
  const draft = new StashDraft(input, { baseTag, chunkSize: stash.chunkSize });
  reportPlan(draft, onEvent);
  if (dryRun) return { stash, state: "planned", locksOut };
  const { digest, chunkSize, size, chunks: sent } = await exchange(store, input, draft, {
    jobs,
    signal,
    onEvent,
  });
  journal.replace({ header: header.bytes.toBase64() });
  const encryption = { format: "age", size: secrets.details.size } as const;
  const changed = { ...stash, digest, chunkSize, size, chunks: sent, encryption };
  return { stash: changed, state: "changed", locksOut };
}

/** While it runs, the journal has the new header, and the stash that it is for; at the end the header alone. It has no key. */
const recordSchema = v.object({
  header: bytesSchema,
  from: v.optional(v.custom<Digest>(isDigest)),
});

/** The marks of the public keys that are known to decrypt the stash then. */
function recipientsThen(
  { details, key }: StashSecrets,
  { recipients, keep }: ChangeRecipientsOptions,
): string[] {
  const kept = keep ? details.recipients ?? [] : [];
  return [...new Set([...kept, ...marksOf(recipients, key)])].sort();
}

/** The recipients whose keys do not decrypt the stash yet, as far as it says for whom it is; `undefined` = all do. */
async function newAmong(
  recipients: Recipients,
  { details: { recipients: known = [] }, key }: StashSecrets,
): Promise<Recipients | undefined> {
  const fresh = recipients.keys.filter((each) => !known.includes(key.markOf(each)));
  if (fresh.length === recipients.keys.length) return recipients;
  return fresh.length > 0 ? await Recipients.of(fresh) : undefined;
}

async function openChangeJournal(
  store: Store,
  baseTag: string,
  { recipients, keep, stateDirectory, onEvent }: ChangeRecipientsOptions,
): Promise<Journal> {
  return await openJournal({
    directory: stateDirectory,
    name: `change of the recipients of ${baseTag} in ${store.name}`,
    where: store.url,
    subject: JSON.stringify([recipients.id, keep ?? false]),
    onEvent,
  });
}

/** The header of an earlier process that was interrupted, or is done; else a new one, unless the one that is there will do. */
async function chooseHeader(
  journal: Journal,
  { digest }: Stash,
  secrets: StashSecrets,
  { recipients, keep }: ChangeRecipientsOptions,
): Promise<AgeHeader> {
  const { header } = secrets.key;
  const kept = lastRecord(journal, recordSchema);
  if (kept && await isHeaderFor(kept.header, recipients)) {
    if (isSameBytes(kept.header, header.bytes)) return header;
    if (kept.from === digest) return await AgeHeader.restore(kept.header, header.exportFileKey());
  }
  const added = keep ? await newAmong(recipients, secrets) : recipients;
  if (!added) return header;
  const changed = await header.withRecipients(added, { keep });
  journal.replace({ header: changed.bytes.toBase64(), from: digest });
  return changed;
}

/** Sends all chunks, and then puts their tags, that of the last one last. */
async function exchange(
  store: Store,
  input: StashInput,
  draft: StashDraft,
  { jobs: atOnce = DEFAULT_JOBS, ...options }: CallOptions & { jobs: number | undefined },
): Promise<Stash> {
  const existing = await lookUpExisting(store, draft.baseTag, { jobs: atOnce, ...options });
  const { jobs, onEvent } = adaptiveJobs({ jobs: atOnce, size: input.size, onEvent: options.onEvent });
  const calls = { overwrite: true, signal: options.signal, onEvent };
  const family = store.familyBeside(existing.family);
  const verdicts = new Verdicts(store, { ...existing, layers: new Map(), isReadable: false }, draft, calls); // no chunk stays the same
  using tags = new StashTags(store, existing, draft, { ...calls, jobs: atOnce, family, holdUntil: Infinity });
  const layers: Descriptor[] = [];
  await inParallel(
    input.chunks(draft.chunkSize),
    { jobs, signal: calls.signal },
    async (chunk, signal, turn) => {
      const layer = await sendChunk(store, chunk, await verdicts.of(chunk, signal), {
        onEvent,
        signal,
        turn,
      });
      layers[chunk.number - 1] = layer;
      if (!await chunk.isLast()) await tags.add(draft.image(chunk.number, layer));
    },
  );
  await input.requireUnchanged();
  return await completeStash(store, draft, { signal: calls.signal, onEvent, existing, layers, tags });
}
