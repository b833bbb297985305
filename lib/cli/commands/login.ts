/** `layerstash login` and `layerstash logout`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidInputError, NotAllowedError } from "../../errors.ts";
import { isOverheard, parseRegistry, type RemoteAddress } from "../../oci/registry_address.ts";
import { checkLogin } from "../../open/check_login.ts";
import { eraseLogin, saveLogin } from "../../sign_in/saved_login.ts";
import { action } from "../action.ts";
import { registryCommand } from "../base_commands.ts";
import { type RegistryFlags, transportOf } from "../connection.ts";
import { askForLogin, hintOfRefused } from "../terminal/ask.ts";

const LOGIN_EXAMPLES = `
Examples:
  $ layerstash login docker -u YOU        # asks for the password
  $ echo "$TOKEN" | layerstash login ghcr -u YOU --password-stdin

The login is saved where docker saves it, so docker, podman and layerstash find
it.
`;

/** What `--registry` takes here: a directory needs no sign-in. */
const SERVER = "docker, ghcr, a host or a URL";

/** Makes the command `login`. */
export function loginCommand(): CommandUnknownOpts {
  const command = registryCommand("login", SERVER)
    .argument("[registry]", SERVER)
    .option("--password-stdin", "read the password from standard input")
    .addHelpText("after", LOGIN_EXAMPLES)
    .action((registry, flags, parsed) =>
      loginAction({ ...flags, registry: registry ?? flags.registry }, parsed)
    );
  return command;
}

const loginAction = action<RegistryFlags & { passwordStdin?: boolean | undefined }>(
  ({ registry }) => `sign in to ${registry}`,
  async ({ terminal, signal }, flags) => {
    const { origin, host: named } = parseRemote(flags.registry);
    const credentials = await askForLogin(named, flags, { terminal, signal });
    const { registry } = flags;
    const onEvent = terminal.progress(`signing in to ${registry}`).onEvent;
    const { host, asked } = await checkLogin({
      registry,
      credentials,
      signal,
      onEvent,
      ...await transportOf(flags),
    }).catch((error) => {
      throw error instanceof NotAllowedError ? error.with({ hint: hintOfRefused(named) }) : error;
    });
    if (isOverheard(origin)) terminal.warn(OVERHEARD);
    if (!asked) terminal.warn(`${host} asks nobody to sign in, so the password was not checked`);
    const { location, plainText } = await saveLogin(host, credentials, Deno.env.toObject());
    const where = `${location}${plainText ? ", in plain text" : ""}`;
    const { username } = credentials;
    terminal.note(
      asked
        ? `signed in to ${host} as ${username}; saved in ${where}`
        : `saved the login of ${username} for ${host} in ${where}`,
    );
  },
  { safer: "use --password-stdin" },
);

/** Makes the command `logout`. */
export function logoutCommand(): CommandUnknownOpts {
  const command = registryCommand("logout", SERVER)
    .argument("[registry]", SERVER)
    .addHelpText("after", "\nExample:\n  $ layerstash logout ghcr\n")
    .action((registry, flags, parsed) =>
      logoutAction({ ...flags, registry: registry ?? flags.registry }, parsed)
    );
  return command;
}

const logoutAction = action<RegistryFlags>(
  ({ registry }) => `sign out of ${registry}`,
  async ({ terminal }, { registry }) => {
    const { host } = parseRemote(registry);
    const erased = await eraseLogin(host, Deno.env.toObject());
    terminal.note(erased ? `removed the login of ${host}` : `there was no login of ${host}`);
  },
);

const OVERHEARD =
  "over http, others on the network can read the password: once it is saved, it is sent only with " +
  "--insecure-skip-tls-verify";

function parseRemote(registry: string): RemoteAddress {
  const address = parseRegistry(registry);
  if (address.kind === "remote") return address;
  throw new InvalidInputError("a directory needs no sign-in");
}
