/** `layerstash blob pull`. @module */
import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import { type BlobName, findNamed, type NamedBlobs } from "../../blobs/named_blobs.ts";
import { type PullBlobsOptions, pullFound } from "../../blobs/pull_blobs.ts";
import type { ByteRange } from "../../content/source.ts";
import { type ByPlatform, isByPlatform, mapEach, requireOne } from "../../images/platforms.ts";
import type { SizedBlob } from "../../oci/descriptor.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { platformCommand } from "../base_commands.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { doneLine, keptHere } from "../ending.ts";
import { jobsOption, limitRateOption, partSizeOption, stateDirOption, withInfoOption } from "../options.ts";
import type { WithPlace } from "../place.ts";
import { stashInstead } from "../stash_instead.ts";
import { requireFreeOutput, streamName } from "../terminal/standard_streams.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { renderTotals } from "../terminal/transfer_totals.ts";
import { printAnswers, textLines } from "../text/answers.ts";
import { formatSize } from "../text/sizes.ts";
import { blobsArgument, blobsOf, manifestOption, namesOrManifest } from "./blob_arguments.ts";

const EXAMPLES = `
Examples:
  $ layerstash blob pull fred/datalogger:may15-readings > logger.dat
  $ layerstash blob pull fred/datalogger@sha256:2cf2... -o logger.dat
  $ layerstash blob pull fred/datalogger @may15-readings sha256:2cf2... -o all
  $ layerstash blob pull fred/datalogger:may15-readings --range 0-99

FILE is written after every byte was verified; with other bytes, it is replaced
only with --overwrite. With --range, a part of a blob cannot be verified, unless
it is encrypted: layerstash help encryption
`;

/** Makes the command. */
export function blobPullCommand(): CommandUnknownOpts {
  const command = platformCommand("pull")
    .description("fetch and verify blobs, one after the other")
    .addArgument(blobsArgument())
    .addOption(manifestOption())
    .option("-o, --outfile <file>", "the file to write; - is standard output", "-")
    .option("--overwrite", "replace a file with other bytes")
    .option("--range <first-last>", "only these bytes, counted from 0, as in 0-99 or 100-", parseRange)
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addOption(withInfoOption())
    .addOption(jobsOption())
    .addOption(partSizeOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly BlobName[] }>(
    ({ outfile }) => `fetch to ${streamName(outfile, "output")}`,
    pullNamed,
    {
      moving: ({ outfile }) => `fetching to ${streamName(outfile, "output")}`,
      kept: ({ outfile, identity, passphrase }, progress) =>
        outfile === "-" || identity || passphrase ? undefined : keptHere(progress),
    },
  );
  command.action((words, flags, parsed) => work(blobsOf(words, flags, parsed), parsed));
  return command;
}

interface PullFlags
  extends DecryptionFlags, Pick<PullBlobsOptions, "overwrite" | "range" | "jobs" | "partSize"> {
  names: readonly BlobName[];
  manifest?: string | undefined;
  platform?: string | undefined;
  outfile: string;
  withInfo?: boolean | string | undefined;
  stateDir?: string | undefined;
  json?: boolean | string | undefined;
}

/** Fetches the blobs that are named, and says so. */
async function pullNamed(session: StoreSession, flags: PullFlags): Promise<void> {
  const { terminal, store, signal, onEvent, totals } = session;
  const { outfile, json, manifest, names, identity, passphrase, ...others } = flags;
  const { platform, stateDir: stateDirectory, withInfo, ...options } = others;
  requireFreeOutput(outfile, { json });
  const identities = await identitiesOf({ identity, passphrase }, session); // before anything is fetched
  const named = await namesOrManifest(names, manifest);
  const found = await findAll(session, named, platform);
  if (outfile === "-" && found.some(isByPlatform)) return listByPlatform(terminal, found);
  const blobs = found.flatMap((each, index) => requireOne(each, nameShown(named[index]!)));
  const output = outfile === "-" ? terminal.dataStream() : outfile;
  const size = await pullFound(store, blobs, {
    ...options,
    identities,
    withInfo: withInfo === true,
    stateDirectory,
    signal,
    onEvent,
    output,
  });
  if (json) return terminal.data(doneLine(session, { outfile, blobs: blobs.map(sized) }));
  if (outfile === "-") return;
  const much = options.range
    ? "a part"
    : `${formatSize(size)}, ${identities ? "decrypted and verified" : "verified"}`;
  terminal.note(`wrote ${outfile}: ${much}, ${renderTotals(totals(), { size, moved: "fetched" })}`);
}

/** The blobs of each name. */
async function findAll(
  { store, signal }: StoreSession,
  names: readonly NamedBlobs[],
  platform: string | undefined,
): Promise<ByPlatform<SizedBlob[]>[]> {
  const found: ByPlatform<SizedBlob[]>[] = [];
  for (const name of names) {
    found.push(
      await findNamed(store, name, { platform, signal }).catch(async (failure) => {
        throw await stashInstead(failure, { store, reference: aliasOf(name), signal });
      }),
    );
  }
  return found;
}

/** The alias that is named; `undefined` if a blob or a manifest is. */
function aliasOf(name: NamedBlobs): string | undefined {
  return typeof name === "string" && name.startsWith("@") ? name.slice(1) : undefined;
}

function listByPlatform(terminal: Terminal, found: readonly ByPlatform<SizedBlob[]>[]): void {
  terminal.warn("there is one image for each platform: their blobs are listed, but not fetched");
  printAnswers(terminal, found.map((blobs) => mapEach(blobs, namedDigests)), textLines, {});
}

/** Reads a range as HTTP writes it: both ends are included. */
function parseRange(text: string): Partial<ByteRange> {
  const [, first = "", last = ""] = /^(\d{1,15})-(\d{0,15})$/.exec(text) ?? [];
  const [start, end] = [Number(first), last === "" ? undefined : Number(last) + 1];
  if (first !== "" && (end === undefined || start < end)) return { start, ...(end !== undefined && { end }) };
  throw new InvalidArgumentError("use FIRST-LAST or FIRST-, as in 0-99 for the first hundred bytes");
}

function sized({ digest, size }: SizedBlob): SizedBlob {
  return { digest, size };
}

function namedDigests(blobs: readonly SizedBlob[]): string[] {
  return blobs.map(({ digest }) => digest);
}

function nameShown(name: NamedBlobs): string {
  return typeof name === "string" ? name : "the manifest";
}
