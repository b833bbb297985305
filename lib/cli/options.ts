/** The options that commands share. Each has an environment variable, `LAYERSTASH_<NAME>`. @module */
import {
  Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  Option,
  type OptionValues,
} from "@commander-js/extra-typings";
import { LayerstashError } from "../errors.ts";
import { JOBS } from "../transfer/adaptive_jobs.ts";
import type { ConnectionFlags } from "./connection.ts";
import { parseSize } from "./sizes.ts";
import { stateDirectory } from "./state_directory.ts";
import { LOG_LEVELS } from "./log_level.ts";
import { PROGRESS_MODES } from "./terminal/terminal.ts";

const CONNECTION = "Sign-in and connection:";
const OUTPUT = "Output:";

/** A command that speaks to a registry. */
export function registryCommand(name: string) {
  return connectionCommand(
    new Command(name).addOption(
      new Option("--registry <registry>", "docker, ghcr, a host, a URL, or oci:DIR").default("docker")
        .env("LAYERSTASH_REGISTRY"),
    ),
  );
}

/** A command on an image, which is its first argument. */
export function imageCommand(name: string) {
  return connectionCommand(new Command(name).argument("<image>", "such as nginx:alpine, or oci:DIR:TAG"))
    .addOption(platformOption())
    .addOption(flag(OUTPUT, "--json", "print JSON on standard output"));
}

/** `--platform`, which chooses one image of several. */
export function platformOption() {
  return new Option("--platform <platform>", "of several, the image for this one: os/architecture[/variant]")
    .env("LAYERSTASH_PLATFORM");
}

/** `--platform`, as often as there are platforms. */
export function platformsOption(description: string) {
  const gather = (text: string, before: readonly string[] = []) => [...before, ...text.split(",")];
  return new Option("--platform <platform>", `${description}: os/architecture[/variant]`)
    .argParser(gather).env("LAYERSTASH_PLATFORM");
}

type ConnectionValues = Omit<ConnectionFlags, "limitRate">;
type NetworkValues = Pick<ConnectionFlags, "caFile" | "logLevel" | "progress">;

/**
 * Adds the options of how to speak to a registry. Its type is written down, as is that of the next function: through a
 * command of any type TypeScript would infer it for minutes.
 */
export function connectionCommand<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
): Command<A, O & ConnectionValues, G> {
  const options = [
    new Option("-u, --username <name>", "who signs in").env("LAYERSTASH_USERNAME"),
    new Option("-p, --token <token>", "the password or token").env("LAYERSTASH_TOKEN"),
    new Option("--bearer-token <token>", "a token to send as it is").env("LAYERSTASH_BEARER_TOKEN"),
    new Option("--authorization <header>", "a header to show the token server as it is")
      .env("LAYERSTASH_AUTHORIZATION"),
    new Option("--auth-host <host>", "ask for tokens there, and not where the registry says")
      .env("LAYERSTASH_AUTH_HOST"),
  ];
  const plain = command as unknown as CommandUnknownOpts;
  for (const option of options) plain.addOption(group(CONNECTION, option));
  networkCommand(plain).addOption(
    flag(CONNECTION, "--insecure-skip-tls-verify", "trust any certificate: unsafe"),
  );
  return command as unknown as Command<A, O & ConnectionValues, G>;
}

/** Adds the options of every command that uses the network: whom to trust, and what is told. */
export function networkCommand<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
): Command<A, O & NetworkValues, G> {
  const plain = command as unknown as CommandUnknownOpts;
  const authorities = new Option("--ca-file <file>", "trust these authorities too, in PEM");
  plain.addOption(group(CONNECTION, authorities).env("LAYERSTASH_CA_FILE"));
  const level = new Option("--log-level <level>", "what is told on standard error").choices(LOG_LEVELS);
  plain.addOption(group(OUTPUT, level).default("info").env("LAYERSTASH_LOG_LEVEL"));
  const progress = new Option("--progress <mode>", "how progress is shown").choices(PROGRESS_MODES);
  plain.addOption(group(OUTPUT, progress).default("auto").env("LAYERSTASH_PROGRESS"));
  return command as unknown as Command<A, O & NetworkValues, G>;
}

/** A command that works on a repository. */
export function repositoryCommand(name: string) {
  return registryCommand(name)
    .addOption(
      new Option("-r, --repository <name>", "the repository, such as me/files").makeOptionMandatory()
        .env("LAYERSTASH_REPOSITORY"),
    )
    .addOption(jsonOption());
}

/** A command that moves a stash: it keeps a journal, to go on with when it is interrupted. */
export function transferCommand(name: string) {
  return stashCommand(name).addOption(limitRateOption()).addOption(stateDirOption());
}

/** For commands that move many bytes. */
export function limitRateOption() {
  const option = new Option("--limit-rate <rate>", "bytes a second over all connections, such as 10MB");
  return group(CONNECTION, option.argParser(parseSizeOption).env("LAYERSTASH_LIMIT_RATE"));
}

/** A command that works on one stash. */
export function stashCommand(name: string) {
  return repositoryCommand(name)
    .requiredOption(
      "-t, --base-tag <tag>",
      "the name of the stash: its chunks have the tags TAG-1, TAG-2 ...",
    )
    .addOption(jobsOption());
}

/** A command that reads what an alias points to. */
export function aliasCommand(name: string) {
  return repositoryCommand(name).addOption(
    new Option("--platform <platform>", "os/arch[/variant], where there is an image for each")
      .env("LAYERSTASH_PLATFORM"),
  );
}

/** `--json`. */
export function jsonOption() {
  return flag(OUTPUT, "--json", "print JSON on standard output");
}

/** `--with-info`. */
export function withInfoOption() {
  return flag(OUTPUT, "--with-info", "a line DIGEST SIZE before each blob");
}

/** `--jobs`. */
export function jobsOption() {
  return group(
    CONNECTION,
    new Option("--jobs <number>", "how many requests run at once; else as many as serve, up to 16"),
  )
    .argParser(parseJobs).env("LAYERSTASH_JOBS");
}

/** `--part-size`. */
export function partSizeOption() {
  return group(CONNECTION, new Option("--part-size <size>", "the most that one request asks for"))
    .argParser(parseSizeOption).env("LAYERSTASH_PART_SIZE");
}

/** `--state-dir`. */
export function stateDirOption() {
  const option = new Option("--state-dir <dir>", "where journals of transfers are kept").env(
    "LAYERSTASH_STATE_DIR",
  );
  const usual = stateDirectory(Deno.env.toObject());
  return usual === undefined ? option : option.default(usual, "the system's usual place");
}

function group<O extends { helpGroup(heading: string): unknown }>(heading: string, option: O): O {
  option.helpGroup(heading);
  return option;
}

/** A flag whose variable may also say no: commander takes any value of a variable for a yes. */
function flag<const F extends string>(heading: string, name: F, description: string) {
  const variable = `LAYERSTASH_${name.slice(2).toUpperCase().replaceAll("-", "_")}`;
  const option = new Option(name, `${description} (env: ${variable})`);
  return group(
    heading,
    /^(1|yes|true|on)$/i.test(Deno.env.get(variable) ?? "") ? option.default(true, "yes") : option,
  );
}

/** Reads a size; commander tells the user what is wrong with it. */
export function parseSizeOption(text: string): number {
  try {
    const size = parseSize(text);
    if (size > 0) return size;
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
  }
  throw new InvalidArgumentError("use bytes, or a number with a unit, such as 500MB or 4.5GiB");
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= JOBS.least && jobs <= JOBS.most) return jobs;
  throw new InvalidArgumentError(`use a number from ${JOBS.least} to ${JOBS.most}`);
}
