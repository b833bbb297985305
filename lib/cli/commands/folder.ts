/** The parts of `layerstash upload` and `layerstash download` that store directories and bring them back. @module */
import { readError } from "../../content/file_errors.ts";
import type { Identities } from "../../encryption/identities.ts";
import type { Recipients } from "../../encryption/recipients.ts";
import { InvalidInputError } from "../../errors.ts";
import { downloadFolder, uploadFolder } from "../../exports/folders.ts";
import { shareHeap } from "../../folders/c_library.ts";
import type { UploadedFolder } from "../../folders/upload_folder.ts";
import { counted, listed, printable } from "../../messages.ts";
import { encodedPart, isDigest } from "../../oci/digest.ts";
import type { StoreSession } from "../action.ts";
import { doneLine } from "../ending.ts";
import { renderPace, renderTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import type { StoredSource } from "./stored_sources.ts";

/** The options of an upload that a directory can have. */
export interface FolderUploadFlags {
  baseTag: string;
  infile: string;
  exclude?: readonly string[] | undefined;
  excludeFrom?: string | undefined;
  oneFileSystem?: boolean | undefined;
  keepOwner?: boolean | undefined;
  skipUnreadable?: boolean | undefined;
  dryRun?: boolean | undefined;
  encryptTo?: Recipients | undefined;
  identities?: Identities | undefined;
  overwrite?: boolean | undefined;
  jobs?: number | undefined;
  stateDir?: string | undefined;
  json?: boolean | string | undefined;
}

/** Stores a directory, and says so. */
export async function storeFolder(session: StoreSession, flags: FolderUploadFlags): Promise<StoredSource> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { baseTag, infile: directory, json, stateDir: stateDirectory, excludeFrom, ...options } = flags;
  const fromFile = excludeFrom === undefined ? [] : await globsIn(excludeFrom);
  const folder = await uploadFolder(store, baseTag, {
    ...options,
    exclude: [...options.exclude ?? [], ...fromFile],
    directory,
    stateDirectory,
    signal,
    onEvent,
  });
  const { files, size, digest, unreadable, leftOutNothing } = folder;
  const idle = leftOutNothing.filter((glob) => options.exclude?.includes(glob)); // a list may be for many directories
  if (idle.length > 0) terminal.warn(`--exclude ${listed(idle)} has left out nothing`);
  const secret = flags.encryptTo ? ", encrypted" : "";
  const what = `${baseTag} in ${store.name}: ${counted(files, "file")}, ${formatSize(size)}${secret}`;
  if (json) terminal.data(doneLine(session, folder));
  else if (flags.dryRun) terminal.note(`would store ${what}; ${renderNew(folder)}`);
  else terminal.note(`stored ${what}; ${renderSent(folder)}, ${renderPace(totals())}`);
  return { kind: "folder", baseTag, size, digest, unreadable };
}

/** What was sent, and what was there: `3 of 43 layers sent, 12 MB of 3.1 GB`. */
function renderSent({ layers, sent, stored = 0, sentSize = 0 }: UploadedFolder): string {
  const share = sent === layers
    ? formatSize(stored)
    : sent === 0
    ? "all were there"
    : `${formatSize(sentSize)} of ${formatSize(stored)}`;
  return `${sent} of ${counted(layers, "layer")} sent, ${share}`;
}

/** What would be sent. How many bytes that is shows when they are compressed. */
function renderNew({ layers, sent, sentFiles, sentContent }: UploadedFolder): string {
  const which = `${sent} of ${counted(layers, "layer")} to be sent`;
  return sentFiles === 0
    ? which
    : `${which}, with ${counted(sentFiles, "file")} of ${formatSize(sentContent)}`;
}

/** The globs that a file lists, one a line. Empty lines and comments are none. */
async function globsIn(file: string): Promise<string[]> {
  const text = await Deno.readTextFile(file).catch((error) => {
    throw readError(error, file);
  });
  const lines = text.split("\n").map((line, index) => ({ glob: line.trimEnd(), number: index + 1 }));
  const globs = lines.filter(({ glob }) => glob !== "" && !glob.startsWith("#"));
  const negative = globs.find(({ glob }) => glob.startsWith("!"));
  if (negative) {
    throw new InvalidInputError(
      `line ${negative.number} of ${file} begins with !, which only .gitignore has`,
      {
        hint: "a line leaves something out, and none takes it in again; of a name that begins so, write \\!",
      },
    );
  }
  return globs.map(({ glob }) => glob);
}

/** The options of a download that a folder can have. */
export interface FolderDownloadFlags {
  /** Keys that open what is encrypted. */
  identities?: Identities | undefined;
  baseTag: string;
  outfile?: string | undefined;
  only?: readonly string[] | undefined;
  overwrite?: boolean | undefined;
  delete?: boolean | undefined;
  checksum?: boolean | undefined;
  sameOwner?: boolean | undefined;
  jobs?: number | undefined;
  json?: boolean | string | undefined;
}

/** Brings a folder back, and says what came of it. */
export async function bringBackFolder(session: StoreSession, flags: FolderDownloadFlags): Promise<void> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { baseTag, outfile, json, only: paths, ...options } = flags;
  if (outfile === "-") {
    throw new InvalidInputError(`${baseTag} is a folder, which standard output cannot take`, {
      hint: "name a directory after the address",
    });
  }
  const directory = outfile ?? (isDigest(baseTag) ? encodedPart(baseTag).slice(0, 12) : baseTag);
  let size = 0; // that of all layers, which the plan has
  shareHeap();
  const folder = await downloadFolder(store, baseTag, {
    ...{ ...options, directory, paths, signal },
    onEvent(event) {
      if (event.type === "plan") size = event.size ?? 0;
      onEvent(event);
    },
  });
  if (json) return terminal.data(doneLine(session, { ...folder, directory }));
  const { written, kept, removed, verified } = folder;
  const rest = [
    ...(kept > 0 ? [`${kept} ${kept === 1 ? "was" : "were"} there`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
  ];
  const much = [`${counted(written, "file")} written`, ...rest].join(", ");
  terminal.note(
    `${printable(directory)}: ${much}, ${
      verified ? "verified" : "not verified: its layers have no digests"
    }, ` +
      renderTotals(totals(), { size, moved: "fetched" }),
  );
}
