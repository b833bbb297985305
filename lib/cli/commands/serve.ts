/** `layerstash serve`. @module */
import { Argument, Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { openServed, serveHandler } from "../../exports/serve.ts";
import { collectFile } from "../../content/collect.ts";
import { readError } from "../../content/file_errors.ts";
import { InvalidInputError, LayerstashError } from "../../errors.ts";
import { isLoopback } from "../../oci/registry_address.ts";
import { accessLine } from "../../serve/access_log.ts";
import { guarded } from "../../serve/guard.ts";
import { listen, type ListenOptions, parseListenAddress } from "../../serve/listener.ts";
import { ServerMetrics } from "../../serve/metrics.ts";
import { Passwords } from "../../serve/passwords.ts";
import { action } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "../connection.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { flag } from "../options.ts";
import { mayRepeat } from "../strict_usage.ts";

const EXAMPLES = `
Examples:
  $ layerstash serve oci:./box
  $ layerstash serve --listen 127.0.0.1:8080 oci:./box ghcr.io/me/files

It is a registry for docker, podman and others, a page for browsers, one URL for
each stored file, and WebDAV at /dav/. Repositories of registries are only read.
Ctrl-C ends it when every request is answered. More: layerstash help serve
`;

/** Makes the command. */
export function serveCommand(): CommandUnknownOpts {
  return connectionCommand(new Command("serve"))
    .addArgument(new Argument("<address...>", "such as oci:./box or ghcr.io/me/files"))
    .addOption(
      new Option("--listen <address>", "where to listen").default("127.0.0.1:5000").env("LAYERSTASH_LISTEN"),
    )
    .addOption(
      mayRepeat(
        new Option("--host <name>", "a name of this server, where it has one")
          .argParser((text, before: readonly string[] = []) => [...before, ...text.split(",")])
          .env("LAYERSTASH_HOST"),
      ),
    )
    .addOption(new Option("--htpasswd <file>", "who may use it, by bcrypt").env("LAYERSTASH_HTPASSWD"))
    .addOption(flag("--anonymous-read", "let everybody read"))
    .addOption(flag("--read-only", "refuse everything that changes something"))
    .addOption(new Option("--tls-cert <file>", "the certificate, in PEM").env("LAYERSTASH_TLS_CERT"))
    .addOption(new Option("--tls-key <file>", "its key").env("LAYERSTASH_TLS_KEY"))
    .addOption(flag("--metrics", "give counts to Prometheus at /metrics"))
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addHelpText("after", EXAMPLES)
    .action((addresses, flags, parsed) => serveAction({ ...flags, addresses }, parsed));
}

interface ServeFlags extends ConnectionFlags, DecryptionFlags {
  addresses: readonly string[];
  listen: string;
  host?: readonly string[] | undefined;
  htpasswd?: string | undefined;
  anonymousRead?: boolean | string | undefined;
  readOnly?: boolean | string | undefined;
  tlsCert?: string | undefined;
  tlsKey?: string | undefined;
  metrics?: boolean | string | undefined;
}

const serveAction = action<ServeFlags>(
  ({ addresses }) => `serve ${addresses.join(" and ")}`,
  async (session, flags) => {
    const { terminal, signal } = session;
    const listening = await listenOptionsOf(flags);
    const identities = await identitiesOf(flags, session);
    const passwords = flags.htpasswd === undefined ? undefined : await readPasswords(flags.htpasswd);
    const display = terminal.progress("serving");
    display.end(); // nothing moves until somebody asks
    const { onEvent } = display;
    using repositories = openServed(flags.addresses, {
      credentials: findCredentials(flags),
      onEvent,
      ...await transportOf(flags),
    });
    const metrics = new ServerMetrics(Date.now());
    const handler = serveHandler(repositories, {
      readOnly: flags.readOnly === true,
      identities,
      onEvent,
      ...(flags.metrics === true && { metrics: () => metrics.text() }),
    });
    const guard = { hosts: flags.host, passwords, anonymousRead: flags.anonymousRead === true };
    const { url, finished } = await listen(guarded(handler, guard), {
      ...listening,
      signal,
      onExchange(exchanged) {
        metrics.count(exchanged);
        terminal.record(accessLine(exchanged, new Date()));
        const { failure, method, target } = exchanged;
        if (failure) {
          terminal.warn(
            `${method} ${target} failed: ${failure instanceof Error ? failure.message : failure}`,
          );
        }
      },
    });
    terminal.note(`serving ${flags.addresses.join(", ")} at ${url}`);
    await finished;
  },
);

/** Where to listen, and by which certificate. */
async function listenOptionsOf(flags: ServeFlags): Promise<Omit<ListenOptions, "signal">> {
  const address = parseListenAddress(flags.listen);
  const { htpasswd, anonymousRead, tlsCert, tlsKey } = flags;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  if (!isLoopback(host) && htpasswd === undefined && anonymousRead !== true) {
    throw new InvalidInputError(`others on the network reach ${flags.listen}, and could change everything`, {
      hint: "add --htpasswd FILE, or --anonymous-read to let everybody read",
    });
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new InvalidInputError("--tls-cert and --tls-key belong together: give both");
  }
  if (tlsCert === undefined || tlsKey === undefined) return address;
  return { ...address, tls: { cert: await readText(tlsCert), key: await readText(tlsKey) } };
}

async function readPasswords(path: string): Promise<Passwords> {
  const text = await readText(path);
  try {
    return new Passwords(text);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    throw error.with({ message: `${path}: ${error.message}` });
  }
}

/** The largest file of passwords or certificates that is read, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  const bytes = await collectFile(path, MOST_BYTES).catch((error) => {
    throw error instanceof LayerstashError ? error : readError(error, path);
  });
  return new TextDecoder().decode(bytes);
}
