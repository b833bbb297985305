/** `layerstash serve`. @module */
import { Argument, Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { openServed, serveHandler } from "../../exports/serve.ts";
import { accessLine } from "../../serve/access_log.ts";
import { guarded } from "../../serve/guard.ts";
import { listen } from "../../serve/listener.ts";
import { ServerMetrics } from "../../serve/metrics.ts";
import { action } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "../connection.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { type ListenFlags, listenOptionsOf, readPasswords } from "../listen_options.ts";
import { flag } from "../options.ts";
import { commaList, mayRepeat } from "../strict_usage.ts";

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
        new Option("--host <name>", "a name of this server, where it has one").env("LAYERSTASH_HOST"),
        commaList,
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

interface ServeFlags extends ConnectionFlags, DecryptionFlags, ListenFlags {
  addresses: readonly string[];
  host?: readonly string[] | undefined;
  readOnly?: boolean | string | undefined;
  metrics?: boolean | string | undefined;
}

const serveAction = action<ServeFlags>(
  ({ addresses }) => `serve ${addresses.join(" and ")}`,
  async (session, flags) => {
    const { terminal, signal } = session;
    const listening = await listenOptionsOf(flags);
    const identities = await identitiesOf(flags, session);
    using passwords = flags.htpasswd === undefined ? undefined : await readPasswords(flags.htpasswd);
    const display = terminal.progress("serving");
    display.end(); // nothing moves until somebody asks
    const { onEvent } = display;
    using repositories = openServed(flags.addresses, {
      credentials: findCredentials(flags),
      onEvent,
      ...await transportOf(flags),
    });
    await repositories.readArchives({ signal });
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
    const checked = repositories.checkRegistries({ signal });
    await finished;
    await checked;
  },
);
