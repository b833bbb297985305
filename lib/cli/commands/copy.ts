/** `layerstash copy`. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CopiedBlobs } from "../../copy/copy_blobs.ts";
import { InvalidInputError, NotFoundError } from "../../errors.ts";
import { parseAddress } from "../../../main.ts";
import type { OnEvent } from "../../events.ts";
import { copyImage, copyStash } from "../../exports/copy.ts";
import { isFolder } from "../../exports/folders.ts";
import { parseImage } from "../../exports/images.ts";
import { counted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import type { Address } from "../../oci/address.ts";
import { opensWith } from "../../stash/encrypted_details.ts";
import { findStash } from "../../stash/find_stash.ts";
import { isStashName, OtherThingError } from "../../stash/stash_not_found.ts";
import type { ManifestFormat } from "../../store/manifest_format.ts";
import { addressIn } from "../../store/command_line.ts";
import { action, type Session, showEvents } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import type { ConnectionFlags } from "../connection.ts";
import { openBoth, type TwoImages } from "../open_both.ts";
import {
  jobsOption,
  jsonOption,
  limitRateOption,
  manifestFormatOption,
  platformsOption,
} from "../options.ts";
import { renderPace, type TransferTotals } from "../terminal/transfer_totals.ts";
import { doneLine, getItBack, keptThere, keyWords } from "../ending.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash copy nginx:alpine localhost:5000/mirror/nginx:alpine
  $ layerstash copy --platform linux/arm64 nginx:alpine oci:./box:nginx
  $ layerstash copy --referrers ghcr.io/me/app:1.2 registry.example.com/app:1.2
  $ layerstash copy localhost:5000/me/files:disk ghcr.io/me/backup:disk

What DST already has is not sent again, and within one registry no bytes move.
After an interruption, the same command goes on. -u and -p are for the registry
of DST. For that of SRC, use layerstash login. More: layerstash help images
`;

/** Makes the command. */
export function copyCommand(): CommandUnknownOpts {
  const command = connectionCommand(new Command("copy"))
    .argument("<src>", "such as nginx:alpine, oci:DIR:TAG, or docker-archive:FILE")
    .argument(
      "<dst>",
      "such as ghcr.io/me/app:1.2; without a tag, a directory, file or folder takes that of SRC",
    )
    .addOption(platformsOption("copy the image for this platform only; for several, an index of them"))
    .option("--referrers", "also copy what refers to the image: signatures, SBOMs")
    .option("--stash", "copy a stored file even if an image has its name")
    .option("--overwrite", "replace what the name of DST holds")
    .addOption(manifestFormatOption())
    .addOption(jobsOption())
    .addOption(limitRateOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((from, to, flags, parsed) => copyAction({ ...flags, from, to }, parsed));
  return command;
}

interface CopyFlags extends ConnectionFlags {
  from: string;
  to: string;
  platform?: readonly string[] | undefined;
  referrers?: true | undefined;
  stash?: true | undefined;
  overwrite?: true | undefined;
  manifestFormat?: ManifestFormat | undefined;
  jobs?: number | undefined;
  json?: boolean | string | undefined;
}

const copyAction = action<CopyFlags>(({ from, to }) => `copy ${from} to ${to}`, async (session, flags) => {
  const [from, to] = [parseImage(flags.from), parseImage(flags.to)];
  using display = showEvents(session, `copying ${flags.from}`, { ...flags, kept: keptThere });
  const { onEvent, totals } = display;
  using both = await openBoth(flags, { from, to, manifestFormat: flags.manifestFormat, onEvent });
  const work = flags.stash ? copyNamedStash : copyWhatLiesThere;
  await work({ ...session, onEvent, totals, both, from }, flags);
}, { images: ({ from, to }) => [from, to] });

interface Copying extends Session {
  both: TwoImages;
  from: Address;
  onEvent: OnEvent;
  totals: () => TransferTotals;
}

/** Copies an image, or a stored file where no image has the name. A digest of a stored file is also that of an image. */
async function copyWhatLiesThere(copying: Copying, flags: CopyFlags): Promise<void> {
  const { reference } = copying.from;
  if (reference !== undefined && isDigest(reference) && await namesStash(copying)) {
    return await copyOneStash(copying, flags);
  }
  await copyOneImage(copying, flags).catch(async (failure) => {
    if (!(failure instanceof NotFoundError) || !await namesStash(copying)) throw failure;
    await copyOneStash(copying, flags);
  });
}

/**
 * Copies a stored file, even if an image has its name.
 *
 * @throws the failure, with what to type, if something else has the name alone
 */
async function copyNamedStash(copying: Copying, flags: CopyFlags): Promise<void> {
  await copyOneStash(copying, flags).catch(async (failure) => {
    const { both: { from }, signal, onEvent } = copying;
    if (!(failure instanceof OtherThingError) || from.reference === undefined) throw failure;
    const isOne = await isFolder(from.store, from.reference, { signal, onEvent });
    throw failure.with({
      message: isOne ? `${from.reference} is a folder, not a stored file` : failure.message,
      hint: `omit --stash: ${isOne ? "a folder" : "an image"} is copied without it`,
    });
  });
}

/** Whether a stored file has the name, even one that is torn or incomplete: the copy of it says so. */
async function namesStash(
  { both: { from: { store, reference } }, signal, onEvent }: Copying,
): Promise<boolean> {
  if (reference === undefined) return false;
  if (!isDigest(reference)) return await isStashName(store, reference, { signal, onEvent });
  return await findStash(store, reference, { signal, onEvent }).then(() => true, () => false);
}

async function copyOneImage(copying: Copying, flags: CopyFlags): Promise<void> {
  const { both, terminal, signal, onEvent, totals } = copying;
  const { platform: platforms, referrers, overwrite, jobs, json } = flags;
  const to = { store: both.to.store, reference: parseAddress(flags.to).reference };
  if (to.reference === undefined) await requireNoFolderDigest(copying, flags);
  const copied = await copyImage(both.from, to, {
    ...{ platforms, referrers, overwrite, jobs, signal, onEvent },
    imageTag: both.to.reference, // the default `latest` is for images of other programs alone
  });
  const { digest, reference, manifests, blobs } = copied;
  terminal.data(json ? doneLine({ totals, store: both.to.store }, copied) : `${digest}\n`);
  const along = copied.referrers > 0 ? `, ${copied.referrers} of them referrers` : "";
  terminal.note(
    `copied to ${addressIn(both.to.store, reference)}: ` +
      `${counted(manifests, "manifest")}${along}, ${blobSummary(blobs)}, ${renderPace(totals())}`,
  );
  if (!copied.isFolder) return;
  const keys = keyWords(copied.encryption && "keys");
  const other = copied.encryption ? " (or --passphrase, if it was stored with one)" : "";
  terminal.note(getItBack("download", addressIn(both.to.store, reference), ...keys) + other);
}

/** Refuses to copy a folder that a digest names: there is no tag for the copy to keep. */
async function requireNoFolderDigest(
  { both: { from: { store, reference } }, signal, onEvent }: Copying,
  flags: CopyFlags,
): Promise<void> {
  if (reference === undefined || !isDigest(reference)) return;
  if (await isFolder(store, reference, { signal, onEvent })) requireNameInTarget(reference, flags);
}

async function copyOneStash(copying: Copying, flags: CopyFlags): Promise<void> {
  const { both, terminal, signal, onEvent, from, totals } = copying;
  if (flags.platform?.length || flags.referrers) {
    throw new InvalidInputError("--platform and --referrers are for images, not for stored files");
  }
  const baseTag = stashNameOf(from);
  const named = parseAddress(flags.to).reference;
  const target = { store: both.to.store, baseTag: named ?? requireNameInTarget(baseTag, flags) };
  const { overwrite, jobs, json } = flags;
  const { stash, digest, blobs } = await copyStash({ store: both.from.store, baseTag }, target, {
    overwrite,
    jobs,
    signal,
    onEvent,
  });
  const { size, chunks, encryption } = stash;
  const done = { baseTag: target.baseTag, digest, size, blobs };
  if (json) terminal.data(doneLine({ totals, store: target.store }, done));
  else if (digest !== undefined) terminal.data(`${digest}\n`);
  const much = `${formatSize(size)} in ${counted(chunks.length, "chunk")}`;
  const name = addressIn(target.store, target.baseTag);
  terminal.note(`copied to ${name}: ${much}, ${blobSummary(blobs)}, ${renderPace(totals())}`);
  terminal.note(getItBack("download", name, ...keyWords(encryption && opensWith(encryption))));
}

function stashNameOf({ text, reference }: Address): string {
  if (reference !== undefined) return reference;
  throw new InvalidInputError(`${text} does not name a stored file`, {
    hint: "put its name after the last colon",
  });
}

/** The name that the copy gets where the target has none: that of the source. */
function requireNameInTarget(name: string, { to }: CopyFlags): string {
  if (!isDigest(name)) return name;
  throw new InvalidInputError("the copy needs a name, as a digest is none", {
    hint: `add it to the target, as in ${to}:disk`,
  });
}

/** Says what happened to the blobs of a copy. */
export function blobSummary(
  { sent, mounted, present, bytes }: CopiedBlobs,
  moved: "sent" | "written" = "sent",
): string {
  const parts = [
    `${counted(sent, "blob")} ${moved}${sent > 0 ? ` (${formatSize(bytes)})` : ""}`,
    ...(mounted > 0 ? [`${mounted} mounted`] : []),
    ...(present > 0 ? [`${present} already present`] : []),
  ];
  return parts.join(", ");
}
