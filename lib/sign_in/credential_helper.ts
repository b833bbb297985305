/** The programs `docker-credential-<suffix>`, which keep logins in the system's keychain. @module */
import * as v from "valibot";
import { collect } from "../content/collect.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import type { Environment } from "./docker_config_file.ts";
import type { Login } from "./docker_login.ts";

/** A helper program. `server` is the host, or for Docker Hub the URL that docker uses. */
export interface CredentialHelper {
  /** The program's name: `docker-credential-pass`. */
  readonly program: string;
  /** The login of a server; `undefined` = the helper has none. */
  get(server: string): Promise<Login | undefined>;
  /** Stores a login in the place of the one that is there. */
  store(server: string, login: Login): Promise<void>;
  /** Forgets a login. */
  erase(server: string): Promise<void>;
}

/** The longest answer that is read, in bytes: tokens have a few thousand. */
const MAX_ANSWER = 1024 * 1024;

/** The user name that says that the secret is an OAuth2 refresh token. */
const IDENTITY_USER = "<token>";

const answerSchema = v.object({ Username: v.string(), Secret: v.string() });

/**
 * Gives the helper with a suffix, such as `osxkeychain`. It is looked for on the `PATH` of `env`, all of which it
 * is given. Each of its calls throws a {@linkcode LayerstashError} when the program is not there or fails.
 *
 * @throws {LayerstashError} when the suffix could name a program anywhere else
 */
export function credentialHelper(suffix: string, env: Environment): CredentialHelper {
  if (!/^\w[\w.-]*$/.test(suffix)) {
    throw new LayerstashError(`${JSON.stringify(suffix)} is not the name of a credential helper`, {
      hint: `correct "credsStore" and "credHelpers" in docker's config.json`,
    });
  }
  const program = `docker-credential-${suffix}`;
  const call = (verb: string, input: string) => run(program, { verb, input, env });
  return {
    program,
    async get(server) {
      const { success, output } = await call("get", server);
      if (success) return parseHelperAnswer(output, program);
      if (isNotFound(output)) return undefined;
      throw refusal(program, `did not give the login of ${server}`, publicReason(output));
    },
    async store(server, login) {
      const [Username, Secret] = login.kind === "identity"
        ? [IDENTITY_USER, login.token]
        : [login.username, login.password];
      const { success, output } = await call(
        "store",
        JSON.stringify({ ServerURL: server, Username, Secret }),
      );
      if (!success) {
        throw refusal(program, `did not store the login of ${server}`, publicReason(output, Secret));
      }
    },
    async erase(server) {
      const { success, output } = await call("erase", server);
      if (success || isNotFound(output)) return;
      throw refusal(program, `did not erase the login of ${server}`, publicReason(output));
    },
  };
}

interface HelperCall {
  verb: string;
  input: string;
  env: Environment;
}

async function run(
  program: string,
  { verb, input, env }: HelperCall,
): Promise<{ success: boolean; output: string }> {
  await using child = spawn(program, verb, env);
  const [output, { success }] = await Promise.all([
    readOutput(child, program),
    child.status,
    writeTo(child.stdin, input),
  ]);
  return { success, output };
}

async function readOutput(child: Deno.ChildProcess, program: string): Promise<string> {
  try {
    return new TextDecoder().decode(await collect(child.stdout, MAX_ANSWER));
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    throw refusal(program, `gave an answer of more than ${MAX_ANSWER} bytes`);
  }
}

function spawn(program: string, verb: string, env: Environment): Deno.ChildProcess {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return new Deno.Command(program, {
      args: [verb],
      env: Object.fromEntries(given),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (cause) {
    const absent = cause instanceof Deno.errors.NotFound;
    throw new LayerstashError(`${program} ${absent ? "is not installed" : "cannot be run"}`, {
      cause,
      hint: `install it, correct "credsStore" or "credHelpers" in docker's config.json, ` +
        `or give user name and token yourself`,
    });
  }
}

async function writeTo(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  try {
    await new Blob([input]).stream().pipeTo(stdin);
  } catch {
    // A helper that needs no input may end before it has read it; its exit code tells what there is to tell.
  }
}

/**
 * Reads what a helper answers to `get`; `undefined` = it has no login. `program` is for messages, which quote nothing.
 *
 * @throws {LayerstashError} when it is no answer
 */
export function parseHelperAnswer(output: string, program: string): Login | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), output);
  // Without the cause: it would quote the answer.
  if (!result.success) throw refusal(program, "gave an answer that cannot be read");
  const { Username: username, Secret: secret } = result.output;
  if (username === IDENTITY_USER) return { kind: "identity", token: secret };
  // Some helpers say "none" with an answer that is empty.
  return username || secret ? { kind: "password", username, password: secret } : undefined;
}

function isNotFound(output: string): boolean {
  return /credentials not found/i.test(output);
}

/** The first line of what a helper says when it fails, unless it looks as if it had a secret in it. */
function publicReason(output: string, secret?: string): string {
  const line = output.trim().split("\n")[0] ?? "";
  const tells = line.includes("{") || (secret && line.includes(secret));
  return tells ? "" : line.slice(0, 200);
}

function refusal(program: string, what: string, reason = ""): LayerstashError {
  return new LayerstashError(`${program} ${what}${reason && `: ${reason}`}`, {
    hint: "see whether docker can sign in with it, or give user name and token yourself",
  });
}
