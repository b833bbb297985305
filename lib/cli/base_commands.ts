/** The bases of commands, with the options that belong to a registry, a repository, a stash or an image. @module */
import {
  Command,
  type CommandUnknownOpts,
  InvalidArgumentError,
  Option,
  type OptionValues,
} from "@commander-js/extra-typings";
import type { ConnectionFlags } from "./connection.ts";
import { identityOption, passphraseOption } from "./encryption_options.ts";
import {
  flag,
  jobsOption,
  jsonOption,
  limitRateOption,
  platformOption,
  shared,
  stateDirOption,
} from "./options.ts";
import { LOG_LEVELS, type LogLevel } from "./terminal/log.ts";
import { PROGRESS_MODES } from "./terminal/progress_display.ts";

type ConnectionValues = Omit<ConnectionFlags, "limitRate">;
type NetworkValues = Pick<ConnectionFlags, "caFile" | "logLevel" | "progress">;

/**
 * Adds the options that say how to speak to a registry. The result type is written out, here and in
 * `networkCommand`: for a command of any type, TypeScript would take minutes to infer it.
 */
export function connectionCommand<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
): Command<A, O & ConnectionValues, G> {
  const options = [
    new Option("-u, --username <name>", "who signs in").env("LAYERSTASH_USERNAME"),
    new Option("-p, --token <token>", "the password or token").env("LAYERSTASH_TOKEN"),
    new Option("--bearer-token <token>", "a token to send as it is").env("LAYERSTASH_BEARER_TOKEN"),
    new Option("--authorization <header>", "a header to send to the token server as it is")
      .env("LAYERSTASH_AUTHORIZATION"),
    new Option("--auth-host <host>", "ask this host for tokens, not the one that the registry names")
      .env("LAYERSTASH_AUTH_HOST"),
  ];
  const plain = command as unknown as CommandUnknownOpts;
  for (const option of options) plain.addOption(shared(option));
  networkCommand(plain).addOption(
    shared(flag("--insecure-skip-tls-verify", "trust any certificate and plain http: unsafe")),
  );
  return command as unknown as Command<A, O & ConnectionValues, G>;
}

/** Adds the options of every command that uses the network: whom to trust, and what to print. */
export function networkCommand<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
): Command<A, O & NetworkValues, G> {
  const plain = command as unknown as CommandUnknownOpts;
  const authorities = new Option("--ca-file <file>", "trust these authorities too, in PEM");
  plain.addOption(shared(authorities).env("LAYERSTASH_CA_FILE"));
  const level = new Option("--log-level <level>", "what is printed on standard error").choices(LOG_LEVELS)
    .argParser(parseLogLevel);
  plain.addOption(shared(level).default("info").env("LAYERSTASH_LOG_LEVEL"));
  const progress = new Option("--progress <mode>", "how progress is shown").choices(PROGRESS_MODES);
  plain.addOption(shared(progress).default("auto").env("LAYERSTASH_PROGRESS"));
  addLoudness(plain);
  return command as unknown as Command<A, O & NetworkValues, G>;
}

/** Adds the short forms of `--log-level`. Of these three one alone can be given. */
function addLoudness(command: CommandUnknownOpts): void {
  command.addOption(shared(new Option("-q, --quiet", "print errors only, and no progress")))
    .addOption(shared(new Option("-v, --verbose", "also print each request (--log-level debug)")));
  const set = (values: Record<string, string>) => () => {
    for (const [name, value] of Object.entries(values)) command.setOptionValueWithSource(name, value, "cli");
  };
  command.on("option:quiet", set({ logLevel: "critical" satisfies LogLevel, progress: "none" }));
  command.on("option:verbose", set({ logLevel: "debug" satisfies LogLevel }));
  const typed = new Set<string>();
  for (const name of ["quiet", "verbose", "log-level"]) {
    command.on(`option:${name}`, () => {
      const [other, ...more] = typed.add(`--${name}`);
      if (more.length > 0) {
        command.error(`error: ${other} and --${name} both say what is printed: leave out one`);
      }
    });
  }
}

/** Levels as other programs call them. Errors are printed at every level, so that `error` is the highest. */
const OTHER_LEVELS: ReadonlyMap<string, LogLevel> = new Map([["warn", "warning"], ["error", "critical"]]);

function parseLogLevel(text: string): LogLevel {
  const level = OTHER_LEVELS.get(text) ?? LOG_LEVELS.find((each) => each === text);
  if (level) return level;
  throw new InvalidArgumentError(`Allowed choices are ${LOG_LEVELS.join(", ")}.`);
}

/** A command that speaks to a registry. */
export function registryCommand(name: string, description = "docker, ghcr, a host, a URL, or oci:DIR") {
  return connectionCommand(
    new Command(name).addOption(
      shared(new Option("--registry <registry>", description)).default("docker").env("LAYERSTASH_REGISTRY"),
    ),
  );
}

/** A command that works on a repository, which an address or `-r` names. */
export function placeCommand(name: string) {
  return registryCommand(name)
    .addOption(
      shared(new Option("-r, --repository <name>", "the repository, such as me/files"))
        .env("LAYERSTASH_REPOSITORY"),
    )
    .addOption(jsonOption());
}

/** The first word of a command that works on a repository. */
export const REPOSITORY_ADDRESS = [
  "[address]",
  "such as ghcr.io/me/files, me/files or oci:./box/me/files",
] as const;
/** The first word of a command that works on a stored file. */
export const ADDRESS = [
  "[address]",
  "such as ghcr.io/me/files:disk, me/files:disk or oci:./box/me/files:disk",
] as const;

/** A command that works on one stash. */
export function stashCommand(name: string) {
  return placeCommand(name)
    .addOption(shared(
      new Option(
        "-t, --base-tag <tag>",
        "the name of the stored file; its chunks have the tags TAG-1, TAG-2 ...",
      ),
    ))
    .addOption(jobsOption());
}

/** A command that moves a stash. It keeps a journal, so that an interrupted transfer can be resumed. */
export function transferCommand(name: string) {
  return stashCommand(name).addOption(limitRateOption()).addOption(stateDirOption());
}

/** A command on tags of a repository that may name an index: `--platform` chooses one of its images. */
export function platformCommand(name: string) {
  return placeCommand(name).addOption(platformOption());
}

/** A command on an image, which is its first argument. */
export function imageCommand(name: string) {
  return connectionCommand(
    new Command(name).argument("<image>", "such as nginx:alpine, oci:DIR:TAG, or docker-archive:FILE"),
  )
    .addOption(platformOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addOption(jsonOption());
}
