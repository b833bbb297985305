/** The options that commands share. Each has an environment variable, `LAYERSTASH_<NAME>`. @module */
import { isAbsolute, join } from "node:path";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { LayerstashError } from "../errors.ts";
import { JOBS } from "../transfer/adaptive_jobs.ts";
import { MANIFEST_FORMATS, type ManifestFormat } from "../store/manifest_format.ts";
import { commaList, mayRepeat } from "./strict_usage.ts";
import { parseSize, showSizesLike } from "./text/sizes.ts";

/** Marks an option that many commands have. Their help points to the topic `options`, which describes it. */
export function shared<O extends { helpGroup(heading: string): unknown }>(option: O): O {
  option.helpGroup(SHARED);
  return option;
}

/** The heading of these options in the eyes of commander. */
export const SHARED = "Shared options:";

/** Makes a flag whose variable may also say no: commander takes any value of a variable for a yes. */
export function flag<const F extends string>(name: F, description: string) {
  const variable = `LAYERSTASH_${name.slice(2).toUpperCase().replaceAll("-", "_")}`;
  const option = new Option(name, description);
  return /^(1|yes|true|on)$/i.test(Deno.env.get(variable) ?? "") ? option.default(true, "yes") : option;
}

/** `--json`. */
export function jsonOption() {
  return shared(flag("--json", "print JSON on standard output"));
}

/** `--with-info`. */
export function withInfoOption() {
  return flag("--with-info", "a line DIGEST SIZE before each blob");
}

/** `--platform`, which chooses one image of several. */
export function platformOption() {
  return new Option(
    "--platform <platform>",
    "the image for this platform, such as linux/arm64",
  )
    .env("LAYERSTASH_PLATFORM");
}

/** `--platform` for several platforms: it may be repeated, or take a list with commas. */
export function platformsOption(description: string) {
  const option = new Option("--platform <platform>", `${description}: os/architecture[/variant][:version]`);
  return mayRepeat(option.env("LAYERSTASH_PLATFORM"), commaList);
}

/** `--limit-rate`, for commands that move many bytes. */
export function limitRateOption() {
  const option = new Option(
    "--limit-rate <rate>",
    "bytes a second over all connections, such as 10MB; 0 = no limit",
  );
  return shared(option.argParser(parseRate).env("LAYERSTASH_LIMIT_RATE"));
}

/** `--manifest-format`, for commands that make manifests of stored files and aliases. */
export function manifestFormatOption() {
  const option = new Option(
    "--manifest-format <format>",
    "write manifests in this format; auto takes what suits the registry",
  );
  return shared(
    option.choices(MANIFEST_FORMATS).default("auto" as ManifestFormat).env("LAYERSTASH_MANIFEST_FORMAT"),
  );
}

/** A rate in bytes a second; 0 is no limit. */
function parseRate(text: string): number {
  return text === "0" ? 0 : parseSizeOption(text);
}

/** `--chunk-size`. */
export function chunkSizeOption() {
  return new Option("--chunk-size <size>", "the size of a chunk, such as 500MB or 2GiB")
    .argParser(parseSizeOption).env("LAYERSTASH_CHUNK_SIZE");
}

/** `--jobs`. */
export function jobsOption() {
  const option = new Option(
    "--jobs <number>",
    "how many requests run at once; by default as many as speed it up, up to 16",
  );
  return shared(option.argParser(parseJobs).env("LAYERSTASH_JOBS"));
}

/** `--part-size`. */
export function partSizeOption() {
  const option = new Option("--part-size <size>", "the most that one request asks for");
  return shared(option.argParser(parseSizeOption).env("LAYERSTASH_PART_SIZE"));
}

/** `--state-dir`. */
export function stateDirOption() {
  const option = shared(new Option("--state-dir <dir>", "where journals of transfers are kept"))
    .env("LAYERSTASH_STATE_DIR");
  const usual = usualStateDirectory(Deno.env.toObject());
  return usual === undefined ? option : option.default(usual, "the system's usual place");
}

/**
 * The directory in which programs of this system keep their state (XDG Base Directory Specification, and its
 * counterparts on macOS and Windows). `undefined` if the user has no home directory.
 */
function usualStateDirectory(env: Record<string, string | undefined>): string | undefined {
  const { XDG_STATE_HOME, HOME, LOCALAPPDATA, USERPROFILE } = env;
  const within = (base: string | undefined, ...rest: string[]) => base ? join(base, ...rest) : undefined;
  if (XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME)) return join(XDG_STATE_HOME, "layerstash"); // others are ignored
  if (Deno.build.os === "windows") {
    return within(LOCALAPPDATA, "layerstash") ?? within(USERPROFILE, "AppData", "Local", "layerstash");
  }
  if (Deno.build.os === "darwin") return within(HOME, "Library", "Application Support", "layerstash");
  return within(HOME, ".local", "state", "layerstash");
}

/** Reads a size. Commander reports the error to the user, with the option's name. */
export function parseSizeOption(text: string): number {
  try {
    const size = parseSize(text);
    showSizesLike(text);
    if (size > 0) return size;
    throw new InvalidArgumentError(`leave it out for the usual size, or ${USE_SIZE}`);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
  }
  throw new InvalidArgumentError(USE_SIZE);
}

const USE_SIZE = "use bytes, or a number with a unit, such as 500MB or 4.5GiB";

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= JOBS.least && jobs <= JOBS.most) return jobs;
  throw new InvalidArgumentError(`use a number from ${JOBS.least} to ${JOBS.most}`);
}
