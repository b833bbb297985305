/** `layerstash verify`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { verify } from "../../../main.ts";
import { InvalidInputError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import { counted, printable } from "../../messages.ts";
import type { VerifyResult } from "../../stash/check_stash.ts";
import { type Chunk, chunkName, sizeOf } from "../../stash/stash.ts";
import { hintOfFaults } from "../../stash/stash_faults.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { ADDRESS, stashCommand } from "../base_commands.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { doneLine } from "../ending.ts";
import { CommandEnded, EXIT_CODES } from "../exit_codes.ts";
import { limitRateOption } from "../options.ts";
import { namedPlaceOf, type WithName } from "../place.ts";
import { renderPace } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import { oneFile, splitWords } from "../words.ts";
import type { VerifySession } from "./verify_folder.ts";

const EXAMPLES = `
Examples:
  $ layerstash verify ghcr.io/me/files:disk             # are all chunks there?
  $ layerstash verify ghcr.io/me/files:disk --deep      # is every byte right?
  $ layerstash verify ghcr.io/me/files:disk disk.img    # is it the same file?

A folder is verified in the same way: --deep also checks its tables of contents,
and a local directory is compared as by layerstash diff, but times alone do not
count. The exit code is 5 where something is wrong or differs.
`;

/** Makes the command. */
export function verifyCommand(): CommandUnknownOpts {
  const command = stashCommand("verify")
    .argument(...ADDRESS)
    .argument("[file]", "a local file or directory to compare with what is stored")
    .option("-i, --infile <file>", "the same, as an option")
    .option("--deep", "read every byte that the registry holds")
    .addOption(limitRateOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag }) => `verify ${baseTag}`,
    checkEither,
    { moving: ({ baseTag }) => `verifying ${baseTag}` },
  );
  command.action((address, file, flags, parsed) => {
    const words = splitWords([address, file], parsed, { most: 1 });
    const infile = oneFile(words.others, flags.infile, parsed);
    return work({ ...namedPlaceOf(words.address, flags, parsed), infile }, parsed);
  });
  return command;
}

interface VerifyFlags extends DecryptionFlags {
  baseTag: string;
  infile?: string | undefined;
  deep?: true | undefined;
  jobs?: number | undefined;
  json?: boolean | string | undefined;
}

/** Checks the stored file that has a name, or the folder. */
async function checkEither(
  anySession: StoreSession,
  { infile: file, identity, passphrase, ...options }: VerifyFlags,
): Promise<void> {
  const session = countingLocal(anySession);
  const { store, signal, onEvent } = session;
  const { baseTag } = options;
  if (file === "-") {
    throw new InvalidInputError("verify compares a file, not standard input", {
      hint: "name the file with -i FILE",
    });
  }
  const identities = await identitiesOf({ identity, passphrase }, session);
  const result = await verify(store, baseTag, { ...options, identities, file, signal, onEvent })
    .catch(async (failure) => {
      const { requireFolderInstead } = await import("./artifact_instead.ts");
      await requireFolderInstead(failure, store, { name: baseTag, signal, onEvent });
    });
  if (result) return reportCheck(session, result, { ...options, file });
  const { verifyStoredFolder } = await import("./verify_folder.ts");
  await verifyStoredFolder(session, { ...options, identities, directory: file });
}

/** Counts the bytes of local files, too: where they are compared, few others are read, whose rate tells nothing. */
function countingLocal(session: StoreSession): VerifySession {
  let local = 0;
  const onEvent: OnEvent = (event) => {
    if (event.type === "progress" && /check|hash/.test(event.phase)) local += Math.max(0, event.bytes);
    session.onEvent(event);
  };
  const pace = () => {
    const totals = session.totals();
    return renderPace({ ...totals, bytesFetched: totals.bytesFetched + local });
  };
  return { ...session, onEvent, pace };
}

/**
 * Says what came of the check of a stored file.
 *
 * @throws {CommandEnded} if something is wrong with it
 */
function reportCheck(
  session: VerifySession,
  result: VerifyResult,
  { baseTag, file, deep, json }: Omit<VerifyFlags, "infile"> & { file: string | undefined },
): void {
  const { terminal, pace } = session;
  const { stash, faults, readBytes } = result;
  const checked = file ? `${file} is the same` : "all chunks are present";
  const unread = readBytes ? "" : "; the stored bytes were not read (--deep reads them)";
  const done = deep ? "every byte was read" : `${checked}${unread}`;
  terminal.data(json ? doneLine(session, { faults, ...stash }) : renderVerification(result, { done, file }));
  const isWhole = faults.length === 0;
  if (deep || file) terminal.note(`${isWhole ? "verified" : "read"} ${baseTag}: ${pace()}`);
  const hint = hintOfFaults(faults);
  if (hint) terminal.hint(hint);
  if (!isWhole) throw new CommandEnded(EXIT_CODES.mismatch);
}

/** The tag of a chunk, or its number where the stash was found by its digest. */
function tagOrNumber(chunk: Chunk): string {
  return chunk.tag ?? chunkName(chunk);
}

/** The result as text: what is right with the stash, or each fault; and with which file it was compared. */
function renderVerification(
  { stash, faults }: VerifyResult,
  { done, file }: { done: string; file: string | undefined },
): string {
  const { baseTag, chunks } = stash;
  if (faults.length === 0) {
    return `${baseTag} is OK: ${formatSize(sizeOf(stash))} in ${counted(chunks.length, "chunk")}, ${
      printable(done)
    }\n`;
  }
  const lines = faults.map(({ chunk, problem }) =>
    `${chunk === 0 ? baseTag : tagOrNumber(chunks[chunk - 1]!)}: ${printable(problem)}\n`
  );
  const compared = file === undefined ? "" : ` compared with ${printable(file)}`;
  return `${baseTag}${compared} is NOT OK: ${counted(faults.length, "fault")}\n${lines.join("")}`;
}
