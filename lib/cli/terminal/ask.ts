/** Gets the login: from the options, from standard input, or by asking the user at the terminal. @module */
import { InvalidInputError } from "../../errors.ts";
import type { Credentials } from "../../sign_in/credentials.ts";
import { commandLine } from "../../store/command_line.ts";
import type { RegistryFlags } from "../connection.ts";
import { InterruptedError } from "../exit_codes.ts";
import type { Session } from "../action.ts";
import { askAtTty, openTty } from "./tty_prompt.ts";

type PasswordLogin = Extract<Credentials, { kind: "password" }>;

/** Where registries make the tokens that they take for passwords. */
const TOKENS: readonly (readonly [host: RegExp, where: string])[] = [
  [/^docker\.io$/, "at https://app.docker.com/settings/personal-access-tokens"],
  [/^ghcr\.io$/, "at https://github.com/settings/tokens (a classic one, with write:packages)"],
  [
    /^registry\.gitlab\.com$/,
    "at https://gitlab.com/-/user_settings/personal_access_tokens (with read_registry and write_registry)",
  ],
  [/^quay\.io$/, "for robot accounts: https://docs.quay.io/glossary/robot-accounts.html"],
  [/^codeberg\.org$/, "at https://codeberg.org/user/settings/applications (with write:package)"],
  [/^public\.ecr\.aws$/, "for the user AWS: aws ecr-public get-login-password --region us-east-1"],
  [/\.dkr\.ecr\..+\.amazonaws\.com/, "for the user AWS: aws ecr get-login-password"],
  [/\.azurecr\.io$/, "for the user 00000000-0000-0000-0000-000000000000: az acr login --expose-token"],
  [/\.pkg\.dev$|(^|\.)gcr\.io$/, "for the user oauth2accesstoken: gcloud auth print-access-token"],
];

function tokensOf(host: string): string | undefined {
  return TOKENS.find(([pattern]) => pattern.test(host))?.[1];
}

/** What to do about a login that is refused. */
export function hintOfRefused(host: string): string {
  const tokens = tokensOf(host);
  return tokens === undefined
    ? "check the user name and the password"
    : `check the user name; the password is a token, which ${host} makes ${tokens}`;
}

/**
 * Gets the user name and the password for a registry.
 *
 * @throws {InvalidInputError} if one is missing and there is no terminal to ask at
 */
export async function askForLogin(
  host: string,
  flags: RegistryFlags & { passwordStdin?: boolean | undefined },
  { terminal, signal }: Session,
): Promise<PasswordLogin> {
  const ask = (what: string, options: { secret: boolean }) =>
    askOnTerminal({ terminal, signal }, what, { host, ...options });
  const username = flags.username ?? await ask("User name", { secret: false });
  const password = flags.passwordStdin
    ? (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "")
    : flags.token ?? await ask("Password or token", { secret: true });
  if (password === "") throw new InvalidInputError("the password is empty");
  return { kind: "password", username, password };
}

async function askOnTerminal(
  { terminal, signal }: Session,
  what: string,
  { secret, host }: { secret: boolean; host: string },
): Promise<string> {
  if (!hasTerminalToAsk()) {
    throw new InvalidInputError(`there is no terminal to ask for the ${what.toLowerCase()}`, {
      hint: `echo "$TOKEN" | ${commandLine("login", host, "-u", "YOU", "--password-stdin")}`,
    });
  }
  const tokens = secret && tokensOf(host);
  if (tokens) terminal.note(`${host} makes tokens ${tokens}`); // now: whoever types before the question would see it
  return await typedAnswer({ terminal, signal }, { message: `${what} for ${host}`, secret });
}

/** Asks for what does not show. */
export interface SecretQuestions extends Disposable {
  ask(question: string): Promise<string>;
}

/**
 * Asks for secrets, as ssh and age do it also where standard input is data and standard error a file: at the terminal of the
 * session. `undefined` = there is none.
 */
export async function askSecrets(session: Session): Promise<SecretQuestions | undefined> {
  if (hasTerminalToAsk()) {
    const ask = (message: string) => typedAnswer(session, { message, secret: true });
    return { ask, [Symbol.dispose]: () => {} };
  }
  const tty = await openTty();
  if (!tty) return undefined;
  session.terminal.close();
  const ask = (question: string) => askAtTty(tty, question, session.signal);
  return { ask, [Symbol.dispose]: () => tty[Symbol.dispose]() };
}

/** Whether a person is there to ask. */
function hasTerminalToAsk(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

/** Asks on the terminal; what is secret does not show. */
async function typedAnswer(
  { terminal, signal }: Session,
  { message, secret }: { message: string; secret: boolean },
): Promise<string> {
  const [{ password, text: ask, isCancel }, { stderr }] = await Promise.all([
    import("@clack/prompts"),
    import("node:process"),
  ]);
  terminal.close();
  const question = { message, output: stderr, signal };
  const answer = secret ? await password(question) : await ask(question);
  if (isCancel(answer)) throw new InterruptedError();
  return answer;
}
