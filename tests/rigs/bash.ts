/** Commands as a person types them one after another: into bash, and on a terminal where a program asks back. @module */
import assert from "node:assert/strict";
import { openScreen } from "./screen.ts";
import { USER } from "./user.ts";

/** Where commands are typed. */
export interface Place {
  directory: string;
  env: Record<string, string>;
}

/** How a command ended, and all that it printed, as a terminal shows it. */
export interface Typed {
  code: number;
  output: string;
}

/** Programs that ask back, and the answers. */
const ANSWERS:
  readonly (readonly [command: RegExp, answers: readonly (readonly [shown: RegExp, keys: string[]])[]])[] = [
    [/^layerstash login (?!.*--(?:password-stdin|help))/, [[/[Pp]assword|token/, [USER.password, "Enter"]]]],
    [/^layerstash browse$/, [[/image/i, ["nginx:alpine", "Enter"]], [/q quit/, ["q"]]]],
    [/^layerstash browse (?!--help)/, [[/q quit/, ["q"]]]],
  ];

/** Types a command. */
export async function type(command: string, place: Place, aliases: readonly string[] = []): Promise<Typed> {
  const plain = command.replace(/\s+#.*$/, "");
  const [, answers] = ANSWERS.find(([pattern]) => pattern.test(plain)) ?? [];
  return answers
    ? await answer(plain, place, answers)
    : await runInBash([...aliases, command].join("\n"), place);
}

async function runInBash(script: string, { directory, env }: Place): Promise<Typed> {
  const { code, stdout } = await new Deno.Command("bash", {
    args: ["-c", `exec 2>&1\nshopt -s expand_aliases\n${script}\n`],
    cwd: directory,
    clearEnv: true,
    env,
    stdin: "null",
  }).output();
  // What Deno itself says when it runs something for the first time.
  return { code, output: new TextDecoder().decode(stdout).replaceAll(/^Download https:.*\n/gm, "") };
}

async function answer(
  command: string,
  { directory, env }: Place,
  answers: readonly (readonly [RegExp, string[]])[],
): Promise<Typed> {
  const words = ["bash", "-c", `cd ${directory} && ${command}`];
  await using screen = await openScreen(words, env);
  for (const [shown, keys] of answers) {
    await screen.until(shown);
    await screen.type(...keys);
  }
  const end = await screen.until(/ended with \d+/);
  const [, code] = /ended with (\d+)/.exec(end) ?? [];
  assert.ok(code);
  return { code: Number(code), output: end };
}
