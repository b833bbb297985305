/** Gets the login: from the options, from standard input, or by asking the user at the terminal. @module */
import { text } from "node:stream/consumers";
import { InvalidInputError } from "../../errors.ts";
import type { Credentials } from "../../sign_in/credentials.ts";
import type { RegistryFlags } from "../connection.ts";
import { InterruptedError } from "../exit_codes.ts";
import type { Terminal } from "./terminal.ts";

type PasswordLogin = Extract<Credentials, { kind: "password" }>;

/**
 * Gets the user name and the password.
 *
 * @throws {InvalidInputError} if one is missing and there is no terminal to ask at
 */
export async function askForLogin(
  flags: RegistryFlags & { passwordStdin?: boolean | undefined },
  terminal: Terminal,
  signal: AbortSignal,
): Promise<PasswordLogin> {
  const username = flags.username ?? await askOnTerminal(terminal, signal, "User name", { secret: false });
  const password = flags.passwordStdin
    ? (await text(Deno.stdin.readable)).replace(/\r?\n$/, "")
    : flags.token ?? await askOnTerminal(terminal, signal, "Password or token", { secret: true });
  if (password === "") throw new InvalidInputError("the password is empty");
  return { kind: "password", username, password };
}

async function askOnTerminal(
  terminal: Terminal,
  signal: AbortSignal,
  message: string,
  { secret }: { secret: boolean },
): Promise<string> {
  if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) {
    throw new InvalidInputError(`there is no terminal to ask for the ${message.toLowerCase()}`, {
      hint: "give -u NAME, and the password with --password-stdin",
    });
  }
  terminal.close();
  const [{ password, text: ask, isCancel }, { stderr }] = await Promise.all([
    import("@clack/prompts"),
    import("node:process"),
  ]);
  const question = { message, output: stderr, signal };
  const answer = secret ? await password(question) : await ask(question);
  if (isCancel(answer)) throw new InterruptedError();
  return answer;
}
