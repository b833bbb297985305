/** Commands as a person types them one after another: into bash, and on a terminal where a program asks back. @module */
import assert from "node:assert/strict";
import { ensureTool } from "./debian.ts";
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

const LOGIN = /^layerstash login (?!.*--(?:password-stdin|help))/;

/** Programs that ask back, and the answers. */
const ANSWERS:
  readonly (readonly [command: RegExp, answers: readonly (readonly [shown: RegExp, keys: string[]])[]])[] = [
    [LOGIN, [[/Password or token for/, [USER.password, "Enter"]]]],
    [/^layerstash browse$/, [[/image/i, ["nginx:alpine", "Enter"]], [/q quit/, ["q"]]]],
    [/^layerstash browse (?!--help)/, [[/q quit/, ["q"]]]],
    [/^layerstash serve (?!--help)/, [[/at\s+http/, ["C-c"]]]],
  ];

/** What a command needs that not every machine has. A login goes on without a terminal. */
const TOOLS: readonly (readonly [command: RegExp, tool: string])[] = [
  ...ANSWERS.slice(1).map(([command]) => [command, "tmux"] as const),
  [/^sh \w+\.sh/, "curl"], // the script of a stash
  [/\| htpasswd /, "htpasswd"],
  ...["age", "curl", "jq"].map((tool) =>
    [new RegExp(`(?:^|[|(&])\\s*${tool}(?:-keygen)? `, "m"), tool] as const
  ),
];

/** Debian's packages of tools, where they are called otherwise. */
const PACKAGES: Readonly<Record<string, string>> = { htpasswd: "apache2-utils" };

/** Whether this machine has what a command needs; if not, a line says so. */
export async function canType(command: string): Promise<boolean> {
  const plain = withoutComment(command);
  const needed = TOOLS.filter(([pattern]) => pattern.test(plain)).map(([, tool]) =>
    ensureTool(tool, PACKAGES[tool] ?? tool)
  );
  return (await Promise.all(needed)).every(Boolean);
}

/** Types a command. */
export async function type(command: string, place: Place, aliases: readonly string[] = []): Promise<Typed> {
  const plain = withoutComment(command);
  const [, answers] = ANSWERS.find(([pattern]) => pattern.test(plain)) ?? [];
  if (!answers) return await runInBash([...aliases, command].join("\n"), place);
  if (!LOGIN.test(plain) || await ensureTool("tmux", "tmux")) return await answer(plain, place, answers);
  return await runInBash(`echo ${USER.password} | ${plain} --password-stdin`, place);
}

function withoutComment(command: string): string {
  return command.replace(/\s+#.*$/, "");
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
