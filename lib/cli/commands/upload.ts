/** `layerstash upload`. @module */
import { basename, resolve } from "node:path";
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { upload } from "../../../main.ts";
import { counted, quoted } from "../../messages.ts";
import { isDirectory } from "../../oci/path_reference.ts";
import { sizeOf } from "../../stash/stash.ts";
import type { UploadOptions } from "../../stash/verb_options.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { transferCommand } from "../base_commands.ts";
import { correctedLine } from "../corrected_line.ts";
import { doneLine, keptThere, keyWords } from "../ending.ts";
import {
  type DecryptionFlags,
  type EncryptionFlags,
  encryptToOption,
  identitiesOf,
  identityOption,
  passphraseOption,
  recipientsOf,
} from "../encryption_options.ts";
import { chunkSizeOption, manifestFormatOption } from "../options.ts";
import { type ParsedCommand, type PlaceFlags, refusalOf, type WithName } from "../place.ts";
import { mayRepeat } from "../strict_usage.ts";
import type { ProgressState } from "../terminal/progress_state.ts";
import { streamName } from "../terminal/standard_streams.ts";
import { renderTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import { filesAndPlace, firstMissingOrAll } from "../words.ts";
import type { FolderUploadFlags } from "./folder.ts";
import { reportAll, requireAllRead, type Sources, type StoredSource } from "./stored_sources.ts";

const EXAMPLES = `
Examples:
  $ layerstash upload disk.img ghcr.io/me/files:disk
  $ layerstash upload disk.img logger.dat me/files     # under their own names
  $ layerstash upload photos oci:./box/me/files:photos # a directory
  $ tar c photos | layerstash upload - me/files:photos.tar

After an interruption, the same command goes on. A pipe's program may fail: use
set -o pipefail. More: layerstash help files, layerstash help encryption
`;

/** Makes the command. */
export function uploadCommand(): CommandUnknownOpts {
  const command = transferCommand("upload")
    .argument(
      "[file...]",
      "files or directories to store, - is standard input; after them the address",
    )
    .option("-i, --infile <file>", "the file to store, with -r and -t")
    .addOption(chunkSizeOption())
    .option("--overwrite", "replace another state of the file or directory")
    .addOption(encryptToOption())
    .addOption(passphraseOption("encrypt with a passphrase"))
    .addOption(identityOption())
    .addOption(manifestFormatOption())
    .addOption(mayRepeat(
      new Option("--exclude <glob>", "of a directory: leave these out; may be repeated"),
    ))
    .option("--exclude-from <file>", "of a directory: leave out what a file lists")
    .option("--one-file-system", "of a directory: leave out what is mounted in it")
    .option("--keep-owner", "of a directory: store the owners, too")
    .option("--skip-unreadable", "of a directory: store the rest")
    .option("--dry-run", "of a directory: only say what would be sent")
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>> & SourceFlags>(
    ({ infile, baseTag, sources: { stored, of } }) =>
      of > 1 && stored.length === of ? "store all" : `store ${streamName(infile, "input")} as ${baseTag}`,
    storeNext,
    {
      moving: ({ infile, sources: { number, of } }) =>
        `storing ${streamName(infile, "input")}${of === 1 ? "" : ` (file ${number} of ${of})`}`,
      kept: keptOf,
    },
  );
  command.usage("[options] <file...> <address>").action(async (words, flags, parsed) => {
    const uploads = uploadsOf(words, flags, parsed);
    const sources: Sources = { number: 0, of: uploads.length, stored: [] };
    for (const each of uploads) {
      sources.number++;
      await work({ ...each, sources }, parsed);
    }
  });
  return command;
}

/** The options of an upload, for one of its sources. */
interface SourceFlags
  extends
    EncryptionFlags,
    DecryptionFlags,
    Omit<FileUploadFlags & FolderUploadFlags, "encryptTo" | "identities"> {
  sources: Sources;
}

/** Stores one of several files and directories, and after the last of them says what all came to. */
async function storeNext(
  session: StoreSession,
  { sources, encryptTo, identity, passphrase, ...options }: SourceFlags,
): Promise<void> {
  const { infile, json, dryRun } = options;
  const keys = await (sources.keys ??= askedKeys({ encryptTo, identity, passphrase }, session));
  const store = isDirectory(infile) ? (await import("./folder.ts")).storeFolder : storeFile;
  const one = await store(session, { ...options, ...keys });
  sources.stored.push({ infile, readWith: keyWords(keys.encryptTo?.kind), ...one, ...session.totals() });
  if (sources.number < sources.of) return;
  if (!json && !dryRun) reportAll(session, sources);
  requireAllRead(sources);
}

/** What is kept of an upload that ends early. Standard input cannot be read a second time. */
function keptOf({ infile, overwrite, encryptTo, passphrase }: SourceFlags, progress: ProgressState): string {
  if (progress.noJournal && (encryptTo || passphrase) && progress.unit === "chunk") {
    return "no journal is kept, so all is sent again, with --overwrite if a chunk was complete";
  }
  if (infile !== "-") return keptThere(progress);
  if (overwrite) return "with --overwrite, standard input is sent from its beginning again";
  return keptThere(progress, ", if the same bytes come");
}

/** The options of an upload that a file can have. */
interface FileUploadFlags extends Omit<UploadOptions, "input" | "stateDirectory"> {
  baseTag: string;
  infile: string;
  stateDir?: string | undefined;
  json?: boolean | string | undefined;
}

/** Stores a file or standard input, and says so. */
async function storeFile(session: StoreSession, flags: FileUploadFlags): Promise<StoredSource> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { baseTag, infile, json, stateDir: stateDirectory, ...options } = flags;
  const input = infile === "-" ? Deno.stdin.readable : infile;
  const stash = await upload(store, baseTag, { ...options, stateDirectory, input, signal, onEvent });
  const { chunks, digest } = stash;
  const size = sizeOf(stash);
  if (infile === "-" && size === 0) terminal.warn("standard input was empty");
  const much = `${formatSize(size)} in ${counted(chunks.length, "chunk")}${
    flags.encryptTo ? ", encrypted" : ""
  }`;
  if (json) terminal.data(doneLine(session, stash));
  else {
    const pace = renderTotals(totals(), { size, moved: "sent" });
    terminal.note(`stored ${baseTag} in ${store.name}: ${much}, ${pace}`);
  }
  return { kind: "file", baseTag, size, digest };
}

/** For whom all files are encrypted, and the keys with which they are compared. A passphrase is asked for once. */
async function askedKeys(
  { identity, ...flags }: EncryptionFlags & DecryptionFlags,
  session: StoreSession,
): Promise<Pick<UploadOptions, "encryptTo" | "identities">> {
  const encryptTo = await recipientsOf(flags, session);
  if (!encryptTo) return {};
  return { encryptTo, identities: await identitiesOf({ identity }, session) ?? encryptTo.identities };
}

/**
 * The files that a command line names, and the name that each is stored under: without one in the address, it is the file's
 * own.
 */
function uploadsOf<F extends PlaceFlags & { infile?: string | undefined }>(
  words: readonly string[],
  flags: F,
  parsed: ParsedCommand,
): (WithName<F> & { infile: string })[] {
  const refuse = refusalOf(parsed);
  const command = parsed as CommandUnknownOpts;
  const { files, place } = filesAndPlace(words, flags, parsed);
  if (files.length === 0) {
    const line = correctedLine(command, (words) => words.toSpliced(1, 0, "disk.img"));
    refuse("the file is missing: name it before the address, or with -i", line);
  }
  if (files.includes("")) refuse("the name of a file is empty");
  requireFittingOptions(files.some(isDirectory), files.every(isDirectory), command);
  if (files.length > 1 && place.baseTag !== undefined) {
    refuse(`several files cannot all be stored as ${quoted(place.baseTag)}: leave out the name`);
  }
  const uploads = firstMissingOrAll(files).map((infile) => ({
    ...place,
    infile,
    baseTag: place.baseTag ?? ownName(infile, refuse),
  }));
  requireDistinct(uploads, refuse);
  return uploads;
}

/** Options of directories fit no file, and some of files fit no directory. */
function requireFittingOptions(
  someDirectory: boolean,
  allDirectories: boolean,
  command: CommandUnknownOpts,
): void {
  const typed = (names: readonly string[]) =>
    names.find((name) => command.getOptionValueSource(name) === "cli");
  const ofFolders = someDirectory
    ? undefined
    : typed(["exclude", "excludeFrom", "oneFileSystem", "keepOwner", "skipUnreadable", "dryRun"]);
  const ofFiles = allDirectories ? typed(["chunkSize", "manifestFormat"]) : undefined;
  const name = ofFolders ?? ofFiles;
  if (name === undefined) return;
  const flag = `--${name.replace(/[A-Z]/g, (each) => `-${each.toLowerCase()}`)}`;
  refusalOf(command)(`${flag} does not fit: what is stored is ${ofFolders ? "no" : "a"} directory`);
}

function requireDistinct(
  uploads: readonly { infile: string; baseTag: string }[],
  refuse: (problem: string) => never,
): void {
  for (const [baseTag, [one, two]] of Map.groupBy(uploads, ({ baseTag }) => baseTag)) {
    if (!one || !two) continue;
    refuse(
      `${quoted(one.infile)} and ${quoted(two.infile)} would both be stored as ${quoted(baseTag)}: ` +
        "store them one by one, each under a name of its own",
    );
  }
}

/** The name that a file is stored under if none is given. Tags have few characters: `_` stands for all others. */
function ownName(file: string, refuse: (problem: string) => never): string {
  if (file === "-") refuse("standard input needs a name: add it to the address, as in ghcr.io/me/files:disk");
  return basename(resolve(file)).replace(/[^\w.-]/g, "_").replace(/^[.-]/, "_").slice(0, LONGEST_OWN_NAME);
}

/** Leaves room for the numbers of the chunks: a tag has at most 128 characters. */
const LONGEST_OWN_NAME = 120;
