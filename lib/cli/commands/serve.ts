/** `layerstash serve`. @module */
import { Argument, Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { openServed, serveHandler } from "../../exports/serve.ts";
import { listen, parseListenAddress } from "../../serve/listener.ts";
import { action } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "../connection.ts";
import { flag } from "../options.ts";

const EXAMPLES = `
Examples:
  $ layerstash serve oci:./box
  $ layerstash serve --listen 127.0.0.1:8080 oci:./box ghcr.io/me/files

It is a registry for docker, podman and others. Repositories of registries are
only read. Ctrl-C ends it when every request is answered.
`;

/** Makes the command. */
export function serveCommand(): CommandUnknownOpts {
  return connectionCommand(new Command("serve"))
    .addArgument(new Argument("<address...>", "such as oci:./box or ghcr.io/me/files"))
    .addOption(
      new Option("--listen <address>", "where to listen").default("127.0.0.1:5000").env("LAYERSTASH_LISTEN"),
    )
    .addOption(flag("--read-only", "refuse everything that changes something"))
    .addHelpText("after", EXAMPLES)
    .action((addresses, flags, parsed) => serveAction({ ...flags, addresses }, parsed));
}

interface ServeFlags extends ConnectionFlags {
  addresses: readonly string[];
  listen: string;
  readOnly?: boolean | string | undefined;
}

const serveAction = action<ServeFlags>(
  ({ addresses }) => `serve ${addresses.join(" and ")}`,
  async ({ terminal, signal }, flags) => {
    const address = parseListenAddress(flags.listen);
    using display = terminal.progress("serving");
    const { onEvent } = display;
    using repositories = openServed(flags.addresses, {
      credentials: findCredentials(flags),
      onEvent,
      ...await transportOf(flags),
    });
    const handler = serveHandler(repositories, { readOnly: flags.readOnly === true, onEvent });
    const { url, finished } = await listen(handler, { ...address, signal });
    display.end();
    terminal.note(`serving ${flags.addresses.join(", ")} at ${url}`);
    await finished;
  },
);
