/** The part of `layerstash download` that brings back what other programs have stored. @module */
import { info } from "../../../main.ts";
import { type Artifact, isFolderKind } from "../../artifacts/artifact.ts";
import { InvalidInputError } from "../../errors.ts";
import { downloadArtifact, findArtifact, findInstead, streamArtifact } from "../../exports/artifacts.ts";
import { counted, printable } from "../../messages.ts";
import { totalSize } from "../../oci/descriptor.ts";
import { isDigest } from "../../oci/digest.ts";
import { addressIn, commandLine } from "../../store/command_line.ts";
import type { StoreSession } from "../action.ts";
import type { DecryptionFlags } from "../encryption_options.ts";
import { doneLine, keyWords } from "../ending.ts";
import { renderPace, renderTotals } from "../terminal/transfer_totals.ts";
import { formatSize } from "../text/sizes.ts";
import { artifactInstead } from "./artifact_instead.ts";
import { bringBackFolder, type FolderDownloadFlags } from "./folder.ts";

/** The options of a download. */
export interface DownloadFlags extends FolderDownloadFlags, DecryptionFlags {
  platform?: string | undefined;
  stateDir?: string | undefined;
}

/** Brings back what another program stored under a name that was looked for among stored files, which failed. */
export async function bringBackInstead(
  session: StoreSession,
  flags: DownloadFlags,
  failure: unknown,
): Promise<void> {
  const { store, signal, onEvent } = session;
  const { baseTag: name, platform } = flags;
  const artifact = await artifactInstead(failure, store, { name, platform, signal, onEvent });
  await bringBackFiles(session, artifact, flags);
}

/**
 * Brings back what another program stored, where the options ask for that.
 *
 * @throws {InvalidInputError} if a stored file has the name
 * @throws {NotFoundError} if nothing has the name
 */
export async function bringBackNamed(session: StoreSession, flags: DownloadFlags): Promise<void> {
  const { store, signal, onEvent } = session;
  const { baseTag, platform } = flags;
  const options = { platform, signal, onEvent };
  const find = isDigest(baseTag) ? findArtifact : findInstead;
  const artifact = await find(store, baseTag, options);
  if (artifact) return await bringBackFiles(session, artifact, flags);
  await info(store, baseTag, { signal, onEvent });
  const option = flags.only ? "--only" : optionOfFolders(flags);
  throw new InvalidInputError(`${baseTag} is one stored file, to which ${option} does not apply`, {
    hint: `omit ${option}`,
  });
}

/** The first option that is given and only folders can have; `undefined` if there is none. */
function optionOfFolders({ delete: deletes, checksum, sameOwner }: DownloadFlags): string | undefined {
  return deletes ? "--delete" : checksum ? "--checksum" : sameOwner ? "--same-owner" : undefined;
}

/** Downloads the files of an artifact, and says where they are; or a folder. */
async function bringBackFiles(
  session: StoreSession,
  artifact: Artifact,
  flags: DownloadFlags,
): Promise<void> {
  if (isFolderKind(artifact.kind)) {
    return await bringBackFolder(session, flags);
  }
  requireNoKey(session, artifact, flags);
  const option = optionOfFolders(flags);
  if (option !== undefined) {
    throw new InvalidInputError(`${artifact.reference} is not a folder, to which ${option} would apply`, {
      hint: `omit ${option}`,
    });
  }
  await bringBackArtifact(session, artifact, flags);
}

/**
 * Makes sure that nobody who names a key gets bytes that are still encrypted.
 *
 * @throws {InvalidInputError} if a key is named
 */
function requireNoKey({ store }: StoreSession, { kind }: Artifact, flags: DownloadFlags): void {
  const { baseTag, identities } = flags;
  if (!identities) return;
  const key = keyWords(identities.kind);
  throw new InvalidInputError(
    `${baseTag} is a ${kind}, and download decrypts stored files and folders alone`,
    {
      hint: kind === "dxf alias"
        ? `decrypt a blob with: ${
          commandLine("blob", "pull", addressIn(store, baseTag), ...key, "-o", "FILE")
        }`
        : `omit ${key[0]}`,
    },
  );
}

async function bringBackArtifact(
  session: StoreSession,
  artifact: Artifact,
  { outfile = ".", stateDir: stateDirectory, json, ...options }: DownloadFlags,
): Promise<void> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { kind, reference, digest, note } = artifact;
  if (note !== undefined) onEvent({ type: "notice", message: `${reference}: ${note}` });
  if (outfile === "-") {
    const output = terminal.dataStream();
    const { blob: { size } } = await streamArtifact(store, artifact, { ...options, output, signal, onEvent });
    const pace = renderPace(totals());
    return terminal.note(`sent to standard output: ${formatSize(size)}, verified, ${pace}; ${kind}`);
  }
  const done = await downloadArtifact(store, artifact, {
    ...options,
    output: outfile,
    stateDirectory,
    signal,
    onEvent,
  });
  const files = done.map(({ path, file: { blob } }) => ({ path, size: blob.size, digest: blob.digest }));
  if (json) return terminal.data(doneLine(session, { kind, reference, digest, files }));
  for (const { path } of files) terminal.data(`${printable(path)}\n`);
  const size = totalSize(files);
  const pace = renderTotals(totals(), { size, moved: "fetched" });
  terminal.note(`wrote ${counted(files.length, "file")}: ${formatSize(size)}, verified, ${pace}; ${kind}`);
}
