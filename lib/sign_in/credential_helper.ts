/** Runs credential helpers: programs `docker-credential-<suffix>` that keep logins in the system's keychain. @module */
import * as v from "valibot";
import { collect } from "../content/collect.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import type { Environment } from "./docker_config_file.ts";
import type { Login } from "./docker_login.ts";

/** A helper program. `server` is a host or, for Docker Hub, the URL that docker uses. */
export interface CredentialHelper {
  /** The program's name: `docker-credential-pass`. */
  readonly program: string;
  /** The login for a server; `undefined` if the helper has none. */
  get(server: string): Promise<Login | undefined>;
  /** Stores a login, and replaces an existing one. */
  store(server: string, login: Login): Promise<void>;
  /** Removes a login. It may be absent. */
  erase(server: string): Promise<void>;
}

/** The longest answer that is read, in bytes. Tokens have a few thousand. */
const MAX_ANSWER = 1024 * 1024;

/** The user name that marks the secret as an OAuth2 refresh token. */
const IDENTITY_USER = "<token>";

const text = v.nullish(v.string(), ""); // as Go reads it
const answerSchema = v.pipe(
  v.unknown(),
  v.check((answer) => !Array.isArray(answer)),
  v.object({ Username: text, Secret: text }),
);

/**
 * The helper with a suffix, such as `osxkeychain`. The program is searched for on the `PATH` of `env`, and runs with
 * `env` as its environment. Each call throws a {@linkcode LayerstashError} if the program is not installed or fails.
 *
 * @throws {LayerstashError} if the suffix has characters, such as `/`, that could lead to another program
 */
export function credentialHelper(suffix: string, env: Environment): CredentialHelper {
  if (!/^\w[\w.-]*$/.test(suffix)) {
    throw new LayerstashError(`${JSON.stringify(suffix)} is not the name of a credential helper`, {
      hint: `correct "credsStore" and "credHelpers" in docker's config.json`,
    });
  }
  const program = `docker-credential-${suffix}`;
  const call = (verb: string, input: string) => runHelper(program, { verb, input, env });
  return {
    program,
    async get(server) {
      const { success, output } = await call("get", server);
      if (success) return parseHelperAnswer(output, program);
      if (isNotFound(output)) return undefined;
      throw helperError(program, `did not give the login of ${server}`, publicReason(output));
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
        throw helperError(program, `did not store the login of ${server}`, publicReason(output, Secret));
      }
    },
    async erase(server) {
      const { success, output } = await call("erase", server);
      if (success || isNotFound(output)) return;
      throw helperError(program, `did not erase the login of ${server}`, publicReason(output));
    },
  };
}

interface HelperCall {
  verb: string;
  input: string;
  env: Environment;
}

async function runHelper(
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
    throw helperError(program, `gave an answer of more than ${MAX_ANSWER} bytes`);
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
        `or pass a user name and token yourself`,
    });
  }
}

async function writeTo(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  try {
    await new Blob([input]).stream().pipeTo(stdin);
  } catch {
    // A helper that needs no input may exit before it has read it. Its exit code says whether it failed.
  }
}

/**
 * Parses a helper's answer to `get`; `undefined` if it has no login. Errors name `program`, and quote nothing of the
 * answer.
 *
 * @throws {LayerstashError} if the answer is malformed
 */
export function parseHelperAnswer(output: string, program: string): Login | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), output);
  // No `cause`: it would quote the answer.
  if (!result.success) throw helperError(program, "gave a malformed answer");
  const { Username: username, Secret: secret } = result.output;
  if (username === IDENTITY_USER) return { kind: "identity", token: secret };
  // Some helpers answer with empty fields when they have no login.
  return username || secret ? { kind: "password", username, password: secret } : undefined;
}

function isNotFound(output: string): boolean {
  return /credentials not found/i.test(output);
}

/** The first line of a failed helper's output; empty if it may contain a secret. */
function publicReason(output: string, secret?: string): string {
  const line = output.trim().split("\n")[0] ?? "";
  const mayLeak = line.includes("{") || (secret && line.includes(secret));
  return mayLeak ? "" : line.slice(0, 200);
}

function helperError(program: string, what: string, reason = ""): LayerstashError {
  return new LayerstashError(`${program} ${what}${reason && `: ${reason}`}`, {
    hint: "check whether docker can sign in with it, or pass a user name and token yourself",
  });
}
