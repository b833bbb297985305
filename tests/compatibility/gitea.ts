/** Gitea with one user, over sqlite. Its registry demands a token for everything. @module */
import { join } from "node:path";
import { ensureTool } from "../rigs/debian.ts";
import { USER } from "../rigs/user.ts";
import { GO_PROGRAMS, goProgram, moduleDirectory } from "./go_programs.ts";
import { freePort, listenOn, openServer, ownDirectory, type RunningServer } from "./server.ts";

/** Starts it; `undefined`, after a line that says why, where it cannot be had. */
export async function startGitea(): Promise<RunningServer | undefined> {
  const program = await goProgram("gitea");
  if (!program || !await ensureTool("git", "git")) return undefined;
  const directory = await ownDirectory();
  const port = freePort();
  const config = await writeConfig(directory.path, port);
  const options = { cwd: directory.path, env: { HOME: directory.path, GITEA_WORK_DIR: directory.path } };
  const gitea = await listenOn(port, [program, "web", "--config", config], options);
  const server = openServer(`127.0.0.1:${port}`, gitea, directory);
  await addUser(program, config, options);
  return {
    ...server,
    prefix: `${USER.username}/`,
    environment: { LAYERSTASH_USERNAME: USER.username, LAYERSTASH_TOKEN: USER.password },
    givesTokens: true,
    secretsOfScript: async (trial) => {
      const token = await trial.run(["token", "-r", trial.repository("files"), "pull"]);
      return [`TOKEN=${token.trim()}`];
    },
  };
}

async function writeConfig(directory: string, port: number): Promise<string> {
  const path = join(directory, "app.ini");
  await Deno.writeTextFile(
    path,
    `I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = http://127.0.0.1:${port}/
STATIC_ROOT_PATH = ${await moduleDirectory(GO_PROGRAMS.gitea)}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = ${join(directory, "gitea.db")}
[security]
INSTALL_LOCK = true
SECRET_KEY = layerstash-tests
PASSWORD_HASH_ALGO = pbkdf2_v1
[log]
LEVEL = Error
MODE = console
`,
  );
  return path;
}

async function addUser(
  program: string,
  config: string,
  options: Pick<Deno.CommandOptions, "cwd" | "env">,
): Promise<void> {
  const { username, password } = USER;
  const args = [
    "admin",
    "user",
    "create",
    "--config",
    config,
    "--username",
    username,
    "--password",
    password,
  ];
  const { success, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args, "--email", `${username}@example.com`, "--must-change-password=false"],
  }).output();
  if (!success) throw new Error(`no user could be added to Gitea: ${new TextDecoder().decode(stderr)}`);
}
