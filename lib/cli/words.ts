/** Tells apart the words of a command: addresses, files, and names of things in a repository. @module */
import { dirname } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { quoted } from "../messages.ts";
import { exists, isDirectory, isPath } from "../oci/path_reference.ts";
import { correctedLine, withWord } from "./corrected_line.ts";
import {
  type ParsedCommand,
  type Place,
  type PlaceFlags,
  placeOf,
  refusalOf,
  requireNoOther,
  type WithPlace,
} from "./place.ts";

/**
 * The address among the words of a command, and the other words. If `-r` is typed, no word is an address.
 *
 * @param addressIsLast whether the address follows the other words
 */
export function splitWords(
  words: readonly (string | undefined)[],
  parsed: ParsedCommand,
  { most, addressIsLast = false }: { most: number; addressIsLast?: boolean },
): { address: string | undefined; others: string[] } {
  const given = words.filter((word) => word !== undefined);
  const hasAddress = given.length > 0 && parsed.getOptionValueSource("repository") !== "cli";
  const address = hasAddress ? given.at(addressIsLast ? -1 : 0) : undefined;
  const others = !hasAddress ? given : addressIsLast ? given.slice(0, -1) : given.slice(1);
  requireInPlace(address, others, parsed, addressIsLast ? "last" : "first");
  if (!hasAddress) others.filter(isAddressRatherThanPath).forEach((word) => requireNoOther(word, parsed));
  const extra = others[most];
  if (extra === undefined) return { address, others };
  return refusalOf(parsed)(`${quoted(extra)} is not expected: with -r, no word is an address`);
}

/** Refuses an address that stands where a file belongs, if no address stands in its place. */
function requireInPlace(
  word: string | undefined,
  others: readonly string[],
  parsed: ParsedCommand,
  place: "first" | "last",
): void {
  const address = others.find(isAddressRatherThanPath);
  if (word === undefined || address === undefined || isAddressRatherThanPath(word)) return;
  const line = correctedLine(parsed as CommandUnknownOpts, (words) => {
    const rest = withWord(words, address);
    return rest.toSpliced(rest.lastIndexOf(word) + (place === "last" ? 1 : 0), 0, address);
  });
  refusalOf(parsed)(`the address comes ${place}, and ${quoted(word)} is not one`, line);
}

/** Whether a word begins as an address does, and leads to no place on the disk. */
export function isAddressRatherThanPath(word: string): boolean {
  const isAddress = /^(oci|https?|docker):|^[^./~][^/.:]*[.:][^/]*\/./.test(word);
  return isAddress && !exists(word) && !isDirectory(dirname(word));
}

/** The one file that a command line names, as a word or with an option. */
export function oneFile([word]: readonly string[], option: string | undefined, parsed: ParsedCommand) {
  if (word === undefined || option === undefined) return word ?? option;
  return refusalOf(parsed)(`a file is named twice: ${quoted(word)} and ${quoted(option)}`);
}

/**
 * The files that a command line names, as words or with `-i`, and the place after them.
 *
 * @returns no file if none is named
 */
export function filesAndPlace<F extends PlaceFlags & { infile?: string | undefined }>(
  words: readonly string[],
  flags: F,
  parsed: ParsedCommand,
): { files: string[]; place: WithPlace<F> } {
  const { address, others } = splitWords(words, parsed, { most: Infinity, addressIsLast: true });
  requireNoFile(address, others.length > 0 || flags.infile !== undefined, parsed as CommandUnknownOpts);
  const option = oneFile(others, flags.infile, parsed);
  const files = others.length > 0 ? others : option === undefined ? [] : [option];
  return { files, place: placeOf(address, flags, parsed) };
}

/** The first file that does not exist, alone, so that it fails before another one is sent; or else all. */
export function firstMissingOrAll(files: readonly string[]): readonly string[] {
  const missing = files.find((file) => file !== "-" && !exists(file));
  return missing === undefined ? files : [missing];
}

/** Refuses a file or a directory where the address is expected. */
function requireNoFile(word: string | undefined, hasFile: boolean, command: CommandUnknownOpts): void {
  if (word === undefined || !isPath(word) && /[:/]/.test(word)) return;
  const refuse = refusalOf(command);
  const line = (file: string) =>
    correctedLine(command, (words) => [...withWord(words, word, file), `${EXAMPLE}:disk`]);
  if (word === "-") refuse("the address is missing after -, which is standard input", line(word));
  if (exists(word)) {
    const kind = isDirectory(word) ? "directory" : "file";
    const more = correctedLine(command, (words) => [...words, EXAMPLE]);
    const within = correctedLine(command, (words) => withWord(words, word, `oci:${word}`));
    refuse(
      `${quoted(word)} is a ${kind}: add the address to store it at, such as ${EXAMPLE}`,
      hasFile && kind === "directory" ? `${more}; or, to store in that directory: ${within}` : more,
    );
  }
  if (!hasFile) refuse(`there is no file ${quoted(word)}, and no address after it`, line("disk.img"));
}

/** Where something could be stored. */
const EXAMPLE = "ghcr.io/me/files";

/**
 * The place of things in one repository, and their names. A word is an address of one of them, or of the repository, or
 * their name in it: a tag, a digest, or `@` and a tag. If `-r` is typed, all words are names.
 *
 * @param nameOf how the command calls what an address names by this tag or digest
 */
export function thingsOf<F extends PlaceFlags>(
  words: readonly string[],
  flags: F,
  parsed: ParsedCommand,
  nameOf: (reference: string) => string = (reference) => reference,
): WithPlace<F> & { names: string[] } {
  const onlyNames = parsed.getOptionValueSource("repository") === "cli";
  // In a directory, names may look like addresses: docker.io/library/nginx:alpine.
  if (onlyNames && !flags.registry.startsWith("oci:")) {
    words.filter(isAddressRatherThanPath).forEach((word) => requireNoOther(word, parsed));
  }
  const isName = onlyNames ? () => true : isBareName;
  const things = words.map((word) => isName(word) ? word : placeOf(word, flags, parsed));
  const places = things.filter((thing) => typeof thing !== "string");
  const [place = placeOf(undefined, flags, parsed)] = places;
  requireOneRepository(places, parsed);
  const names = things.flatMap((thing) => {
    if (typeof thing === "string") return thing;
    const reference = thing.address?.reference;
    return reference === undefined ? [] : nameOf(reference);
  });
  return { ...place, names };
}

function requireOneRepository([first, ...more]: readonly Place[], parsed: ParsedCommand): void {
  const other = more.find(({ registry, repository }) =>
    registry !== first!.registry || repository !== first!.repository
  );
  if (!other) return;
  const [one, two] = [first!, other].map(({ address }) => quoted(address!.text));
  refusalOf(parsed)(`${one} and ${two} are in different repositories: run the command for each`);
}

/** Whether a word can only be a name in a repository: addresses have a slash or a colon. */
export function isBareName(word: string): boolean {
  return /^@|^sha\d+:/.test(word) || !/[/:]/.test(word);
}
