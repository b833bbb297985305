/** The part of `layerstash verify` that checks folders, and compares them with directories. @module */
import { described, type TreeDifference } from "../../compare/differences.ts";
import type { FolderFault, VerifiedFolder } from "../../compare/verify_folder.ts";
import { diff, verifyFolder } from "../../exports/folders.ts";
import type { Identities } from "../../encryption/identities.ts";
import { decryptedImages } from "../../exports/images.ts";
import { InvalidInputError } from "../../errors.ts";
import { plainMode } from "../../images/metadata.ts";
import { counted, printable } from "../../messages.ts";
import { isFile } from "../../oci/path_reference.ts";
import type { StoreSession } from "../action.ts";
import { doneLine } from "../ending.ts";
import { CommandEnded, EXIT_CODES } from "../exit_codes.ts";
import { differenceDocument, DifferenceLines } from "../text/difference_lines.ts";
import { eventLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

/** What `verify` works with. */
export interface VerifySession extends StoreSession {
  /** How long it took, and how fast all bytes were read that it compared, those of local files, too. */
  pace: () => string;
}

/** The options of a check that a folder can have. */
export interface FolderCheckFlags {
  baseTag: string;
  /** A local directory to compare with the folder. */
  directory?: string | undefined;
  deep?: boolean | undefined;
  jobs?: number | undefined;
  /** Keys that open an encrypted folder. */
  identities?: Identities | undefined;
  json?: boolean | string | undefined;
}

/** Checks a folder, and says what is wrong with it or with a directory. */
export async function verifyStoredFolder(session: VerifySession, flags: FolderCheckFlags): Promise<void> {
  const { terminal, store, signal, onEvent, pace } = session;
  const { baseTag, directory, deep, jobs, identities, json } = flags;
  if (directory !== undefined && isFile(directory)) {
    throw new InvalidInputError(`${baseTag} is a folder, and ${directory} is a file`, {
      hint: "name the directory to compare it with",
    });
  }
  const folder = await verifyFolder(store, baseTag, { deep, jobs, identities, signal, onEvent });
  const isWhole = folder.faults.length === 0;
  const compared = isWhole && directory !== undefined ? await compareWith(session, flags) : NOT_COMPARED;
  const { differences, times, setIds } = compared;
  if (json) {
    for (const each of differences) terminal.data(eventLine("difference", differenceDocument(each)));
    terminal.data(doneLine(session, { ...folder, differences: differences.length, times, setIds }));
  } else terminal.data(renderFolderCheck(folder, compared, flags));
  const isSame = isWhole && differences.length === 0;
  if (deep || directory) terminal.note(`${isSame ? "verified" : "read"} ${baseTag}: ${pace()}`);
  if (!isWhole) terminal.hint(hintOfFolder(folder.faults));
  if (!isSame) throw new CommandEnded(EXIT_CODES.mismatch);
}

/** What differs in a directory. */
interface Compared {
  /** What has another content, kind, mode or target, or is on one side alone. */
  differences: TreeDifference[];
  /** How much differs in its time alone: a copy of a directory has other times, and is the same. */
  times: number;
  /** How much lacks the set-ID bits that were stored, or has others: a download leaves them out. */
  setIds: number;
}

const NOT_COMPARED: Compared = { differences: [], times: 0, setIds: 0 };

async function compareWith(
  { store, signal, onEvent }: StoreSession,
  { baseTag, identities, directory = "." }: FolderCheckFlags,
): Promise<Compared> {
  const compared: Compared = { differences: [], times: 0, setIds: 0 };
  const reader = decryptedImages(store, { identities, quiet: true });
  using comparison = await diff({ store: reader, reference: baseTag }, { directory }, { signal, onEvent });
  for await (const each of comparison.differences()) {
    const aspects = each.aspects.filter((aspect) => aspect !== "mode" || hasOtherMode(each));
    const isKept = each.change === "changed" && aspects.every((aspect) => aspect === "time");
    if (!isKept) compared.differences.push({ ...each, aspects });
    else if (aspects.length < each.aspects.length) compared.setIds++;
    else compared.times++;
  }
  return compared;
}

/** Whether modes differ beyond the set-ID bits. */
function hasOtherMode({ before, after }: TreeDifference): boolean {
  return plainMode(described(before!)) !== plainMode(described(after!));
}

function renderFolderCheck(
  { files, size, layers, faults }: VerifiedFolder,
  compared: Compared,
  { baseTag, directory, deep }: FolderCheckFlags,
): string {
  const { differences } = compared;
  const found = faults.length + differences.length;
  if (found === 0) {
    const done = [
      ...(deep ? ["every byte was read"] : []),
      ...(directory === undefined
        ? []
        : [`${printable(directory)} is the same${butFor(compared, ", except for ")}`]),
    ].join(", ") || "all layers are present; their bytes were not read (--deep reads them)";
    const what = files === undefined ? "encrypted" : counted(files, "file");
    const much = `${what}, ${formatSize(size)} in ${counted(layers, "layer")}`;
    return `${printable(baseTag)} is OK: ${much}, ${done}\n`;
  }
  const what = faults.length > 0 ? counted(found, "fault") : counted(found, "difference");
  const where = faults.length > 0 || directory === undefined ? "" : ` compared with ${printable(directory)}`;
  const lines = new DifferenceLines();
  return [
    `${printable(baseTag)}${where} is NOT OK: ${what}${butFor(compared, ", and ")}\n`,
    ...faults.map(({ layer, problem }) =>
      `${layer === 0 ? "the description" : `layer ${layer}`}: ${printable(problem)}\n`
    ),
    ...differences.map((each) => lines.render(each)),
  ].join("");
}

/** What differs and does not count, after the words that lead to it. */
function butFor({ times, setIds }: Compared, words: string): string {
  const found = [
    ...(times > 0 ? [counted(times, "time")] : []),
    ...(setIds > 0 ? [`the set-ID bits of ${counted(setIds, "entry")}`] : []),
  ];
  return found.length === 0 ? "" : `${words}${found.join(" and ")} (layerstash diff shows them)`;
}

/** What mends the layers. */
function hintOfFolder(faults: readonly FolderFault[]): string {
  return faults.every(({ kind }) => kind === "missing")
    ? "store the folder again with --overwrite: only what is missing is sent"
    : "store the folder again under another name, from where it is whole";
}
