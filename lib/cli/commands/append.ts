/** `layerstash append`. @module */
import { Command, type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import type { AppendOptions } from "../../append/append.ts";
import { checkTime } from "../../append/appended_image.ts";
import { InvalidInputError } from "../../errors.ts";
import { append } from "../../exports/copy.ts";
import { parseImage } from "../../exports/images.ts";
import { counted, quoted } from "../../messages.ts";
import { azureCredentials } from "../../sign_in/acr_exchange.ts";
import { addressIn } from "../../store/command_line.ts";
import { action, showEvents } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { type ConnectionFlags, transportOf } from "../connection.ts";
import { openBoth } from "../open_both.ts";
import { jobsOption, jsonOption, limitRateOption, platformOption, stateDirOption } from "../options.ts";
import { stashInstead } from "../stash_instead.ts";
import { pipedInput } from "../terminal/standard_streams.ts";
import { renderPace } from "../terminal/transfer_totals.ts";
import { doneLine, keptThere } from "../ending.ts";
import { formatSize } from "../text/sizes.ts";
import { blobSummary } from "./copy.ts";

const EXAMPLES = `
Examples:
  $ tar c app | layerstash append --from oci:./box:base --to oci:./box:app
  $ layerstash append --from oci:./box:base --to oci:./box:new -i layer.tar.gz
  $ layerstash append --from ghcr.io/me/app:1.2 -i layer.tar  # moves the tag

The layer is a tar archive, plain or packed with gzip or zstd, and is stored as
it is. Every image of an index gets it; with --platform one image alone. -u and
-p are for the registry of the new image. For that of the base, use layerstash
login. The words of appendlayer work too: layerstash help images
`;

/** Makes the command. */
export function appendCommand(): CommandUnknownOpts {
  const command = connectionCommand(new Command("append"))
    .argument("[appendlayer...]", "images and tags, as appendlayer takes them")
    .option("--from <image>", "the base, such as nginx:alpine, oci:DIR:TAG, or docker-archive:FILE")
    .option("--to <image>", "the new image; by default the base: its tag moves to the new image")
    .option("-i, --infile <file>", "the layer, a tar archive; - is standard input")
    .option("--overwrite", "replace what the tag of the new image holds")
    .addOption(platformOption())
    .option(
      "--created <time>",
      "when the layer was made, such as 2024-05-01T12:00:00Z; by default the time of the base",
      parseTime,
    )
    .option("--created-by <text>", "what the image's history says about the layer")
    .addOption(jobsOption())
    .addOption(limitRateOption())
    .addOption(stateDirOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((words, flags, parsed) => appendAction({ ...flags, words: words ?? [] }, parsed));
  return command;
}

interface AppendFlags extends ConnectionFlags {
  words: readonly string[];
  from?: string | undefined;
  to?: string | undefined;
  infile?: string | undefined;
  overwrite?: true | undefined;
  platform?: string | undefined;
  created?: string | undefined;
  createdBy?: string | undefined;
  jobs?: number | undefined;
  stateDir?: string | undefined;
  json?: boolean | string | undefined;
}

const appendAction = action<AppendFlags>(
  doingOf,
  async (session, flags) => {
    const { terminal, signal } = session;
    const names = namesOf(flags);
    const [from, to] = [parseImage(names.from), parseImage(names.to)];
    const { overwrite, platform, created, createdBy, jobs, stateDir: stateDirectory, json } = flags;
    const input = inputOf(flags);
    using display = showEvents(session, `appending to ${names.from}`, { ...flags, kept: keptThere });
    const { onEvent, totals } = display;
    const also = await azureCredentialsOf(flags);
    using both = await openBoth(flags, { from, to, onEvent, also });
    const options: AppendOptions = {
      input,
      overwrite,
      platform,
      created,
      createdBy,
      jobs,
      stateDirectory,
      signal,
      onEvent,
    };
    const made = await append(both.from, both.to, options).catch(async (failure) => {
      throw await stashInstead(failure, { ...both.from, signal });
    });
    terminal.data(json ? doneLine({ totals, store: both.to.store }, made) : `${made.digest}\n`);
    const base = both.from.store.url === both.to.store.url ? "" : `, of the base ${blobSummary(made.base)}`;
    terminal.note(
      `stored ${addressIn(both.to.store, made.reference)}: a layer of ${formatSize(made.layer.size)} ` +
        `on ${counted(made.images, "image")}${base}, ${renderPace(totals())}`,
    );
  },
);

function doingOf({ from, to, words }: AppendFlags): string {
  if (from === undefined && words.length === 0) return "append";
  const target = to === undefined || to === from ? "" : ` as ${to}`;
  return `append to ${from ?? words.join(" ")}${target}`;
}

/** The two images that the options name, or that the words name in one of the three forms of appendlayer. */
function namesOf({ words, from, to }: AppendFlags): { from: string; to: string } {
  if (words.length === 0) {
    if (from !== undefined) return { from, to: to ?? from };
    throw new InvalidInputError("the base is missing", { hint: "name it with --from IMAGE" });
  }
  if (from !== undefined || to !== undefined) {
    throw new InvalidInputError("words cannot be combined with --from and --to", {
      hint: "name the layer with -i FILE",
    });
  }
  const [a = "", b = "", c = "", d = ""] = words;
  if (words.length === 2) return { from: atHost(a), to: atHost(b) };
  if (words.length === 3) {
    requireTag(b);
    requireTag(c);
    return { from: atHost(`${a}/${b}`), to: atHost(`${a}/${c}`) };
  }
  if (words.length === 4) return { from: atHost(`${a}/${b}:${c}`), to: atHost(`${a}/${b}:${d}`) };
  throw new InvalidInputError(`appendlayer takes 2, 3 or 4 words, not ${words.length}`, {
    hint: "name the base with --from IMAGE, or as appendlayer does: HOST REPO OLD-TAG NEW-TAG, " +
      "HOST REPO:TAG REPO:TAG, or HOST/REPO:TAG HOST/REPO:TAG",
  });
}

/** Makes sure that a repository comes with its tag: without one, it may be a tag whose neighbour was forgotten. */
function requireTag(name: string): void {
  if (/[:@]/.test(name)) return;
  throw new InvalidInputError(`${quoted(name)} has no tag`, {
    hint: "use HOST REPO OLD-TAG NEW-TAG, or HOST OLD-REPO:TAG NEW-REPO:TAG",
  });
}

/** For appendlayer, what comes before the first slash is always a host, whatever it looks like. */
function atHost(name: string): string {
  const host = name.split("/")[0]!;
  return /[.:]|^localhost$/.test(host) ? name : `https://${name}`;
}

async function azureCredentialsOf(flags: AppendFlags) {
  const accessToken = Deno.env.get("ACCESS_TOKEN") || undefined;
  const refreshToken = Deno.env.get("REFRESH_TOKEN") || undefined;
  // Other programs use variables of these names, too. No other host may see what may be a secret of theirs.
  const isMeant = (host: string) => flags.words.length > 0 || host.endsWith(".azurecr.io");
  return azureCredentials({ accessToken, refreshToken }, { isMeant, ...await transportOf(flags) });
}

function inputOf({ infile = "-", words }: AppendFlags): string | ReadableStream<Uint8Array> {
  if (infile !== "-") return infile;
  const hint = words.length > 0 ? "pipe the layer in" : "give a file with -i, or pipe the layer in";
  return pipedInput({ problem: "there is no layer to append", hint });
}

/** Reads a time (RFC 3339) and gives it in UTC. It is checked before `Date` sees it, which accepts other texts, too. */
function parseTime(text: string): string {
  try {
    checkTime(text);
  } catch {
    throw new InvalidArgumentError("use a time such as 2024-05-01T12:00:00Z");
  }
  return new Date(text).toISOString();
}
