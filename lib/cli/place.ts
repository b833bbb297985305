/**
 * Where a command works: the repository and the name in it, given as one word, or with the options `-r` and `-t`.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { parseAddress } from "../../main.ts";
import { LayerstashError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { isFile } from "../oci/path_reference.ts";
import { typedName } from "../oci/registry_address.ts";
import type { Address } from "../oci/address.ts";
import { mistakeInOptions } from "./option_mistakes.ts";
import {
  lineOfList,
  lineWithPlace,
  mistakeInAddress,
  mistakeInLayout,
  mistakeInMeaning,
  mistakeInOwner,
  mistakeInVariable,
} from "./place_mistakes.ts";

/** A command after parsing: commander knows whether a value was typed, or came from a variable. */
export interface ParsedCommand {
  getOptionValueSource(option: string): string | undefined;
}

/** What a command line says of the place, before it is known whether that suffices. */
export interface PlaceFlags {
  registry: string;
  repository?: string | undefined;
  baseTag?: string | undefined;
}

/** The repository that a command works on. */
export interface Place {
  /** The word that named it; absent if options did. */
  address?: Address | undefined;
  registry: string;
  repository: string;
}

/** The flags of a command, after its repository is found. */
export type WithPlace<F> = F & Place;
/** The flags of a command, after the name of a stored file is found. */
export type WithName<F> = F & Place & { baseTag: string };

/** Reports a mistake on the command line, and ends the command. */
export type Refuse = (problem: string, hint?: string) => never;

/**
 * Finds the repository that a command works on, and the name in it if one is given. An address names the registry, too, so
 * it cannot be combined with `--registry` and `-r`. Variables count only where there is no address.
 */
export function placeOf<F extends PlaceFlags>(
  word: string | undefined,
  flags: F,
  parsed: ParsedCommand,
): WithPlace<F> {
  const refuse = refusalOf(parsed);
  const { repository } = flags;
  const command = parsed as CommandUnknownOpts;
  if (word === undefined) {
    const mistake = mistakeInOptions(flags, command);
    if (mistake) refuse(mistake.problem, mistake.hint);
    return repository === undefined
      ? refuse(
        "the repository is missing: use an address such as ghcr.io/me/files, or -r",
        lineWithPlace(command),
      )
      : ownPlace({ ...flags, repository }, command);
  }
  requireNoOther(word, parsed);
  const address = readAddress(word, command);
  const mistake = mistakeInMeaning(address, command) ??
    mistakeInVariable(address, flags.registry, command) ?? mistakeInLayout(address, command);
  if (mistake) refuse(mistake.problem, mistake.hint);
  const { reference } = address;
  if (reference !== undefined && parsed.getOptionValueSource("baseTag") === "cli") {
    refuse(`${quoted(word)} and -t both give a name: leave out one`);
  }
  return ownPlace({ ...flags, address, ...namesOf(address), baseTag: reference ?? flags.baseTag }, command);
}

/** The place, if the command may work there. */
function ownPlace<P extends Place>(place: P, command: CommandUnknownOpts): P {
  const mistake = mistakeInOwner(place, command);
  return mistake ? refusalOf(command)(mistake.problem, mistake.hint) : place;
}

/** Finds the repository that a command works on; the name of something in it is refused. */
export function repositoryOf<F extends PlaceFlags>(
  word: string | undefined,
  flags: F,
  parsed: ParsedCommand,
): WithPlace<F> {
  const place = placeOf(word, flags, parsed);
  const reference = place.address?.reference;
  if (reference === undefined) return place;
  return refusalOf(parsed)(
    `${quoted(word!)} names something in a repository: leave out ${quoted(reference)}`,
  );
}

/** Finds the repository that a command works on, and the name in it. */
export function namedPlaceOf<F extends PlaceFlags>(
  word: string | undefined,
  flags: F,
  parsed: ParsedCommand,
): WithName<F> {
  const place = placeOf(word, flags, parsed);
  const { baseTag } = place;
  if (baseTag !== undefined) return { ...place, baseTag };
  if (word !== undefined && isFile(word)) refuseFile(word, parsed);
  return refusalOf(parsed)(
    word === undefined
      ? "the name is missing: use -t, or an address such as ghcr.io/me/files:disk"
      : `${quoted(word)} names a repository: add the name of a stored file, as in ${
        word.replace(/\/$/, "")
      }:disk`,
    `the names are listed by: ${lineOfList(word, place, parsed as CommandUnknownOpts)}`,
  );
}

/** Reports what is wrong with the words of a command, as commander does. */
export function refusalOf(parsed: ParsedCommand): Refuse {
  return (problem, hint) =>
    (parsed as CommandUnknownOpts).error(`error: ${problem}${hint === undefined ? "" : `\nhint: ${hint}`}`);
}

/** Refuses an address beside options that name a registry or a repository. */
export function requireNoOther(word: string, parsed: ParsedCommand): void {
  for (const [option, typed] of [["registry", "--registry"], ["repository", "-r"]] as const) {
    if (parsed.getOptionValueSource(option) !== "cli") continue;
    refusalOf(parsed)(
      `${quoted(word)} is an address, which names the registry and the repository: leave out ${typed}`,
    );
  }
}

function readAddress(word: string, command: CommandUnknownOpts): Address {
  try {
    return parseAddress(word);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    if (isFile(word)) refuseFile(word, command);
    const { problem, hint } = mistakeInAddress(word, error, command);
    return refusalOf(command)(problem, hint);
  }
}

function refuseFile(word: string, parsed: ParsedCommand): never {
  return refusalOf(parsed)(
    `${quoted(word)} is a file here, where an address is expected`,
    "an address says what is stored, and where: ghcr.io/me/files:disk",
  );
}

/** The names of the registry and the repository, as options would have given them. */
function namesOf({ registry, repository }: Address): Pick<Place, "registry" | "repository"> {
  if (registry.kind === "archive") return { registry: registry.name, repository: registry.name };
  if (registry.kind === "layout") {
    const name = `oci:${registry.directory}`;
    return { registry: name, repository: name };
  }
  const { host, origin } = registry;
  return { registry: typedName(host, origin), repository };
}
