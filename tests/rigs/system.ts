/** What this system is like, for tests of what not every system has. What cannot be tested is said in a line. @module */
import { isAbsolute, join } from "node:path";
import { announce } from "./run_notes.ts";

/** Whether there are signals, file modes and shell scripts. */
export const POSIX: boolean = Deno.build.os !== "windows";

/** What a command is run under to have no more rights than others, though root runs the tests. */
export const WITHOUT_RIGHTS: string[] = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
  : [];

/** For tests of what Windows does not have, such as `file modes`: `Deno.test(name, onPosix("file modes"), ...)`. */
export function onPosix(what: string): { ignore: boolean } {
  return { ignore: lacking(POSIX, what) };
}

/** For tests of what only Linux has, such as `setpriv`. */
export function onLinux(what: string): { ignore: boolean } {
  return { ignore: lacking(Deno.build.os === "linux", what) };
}

/** For tests of what only root can do, such as `files that are given away`. */
export function asRoot(what: string): { ignore: boolean } {
  const isRoot = Deno.uid() === 0;
  if (POSIX && !isRoot) announce(`cannot test ${what} here: only root can do that`);
  return { ignore: onPosix(what).ignore || !isRoot };
}

function lacking(there: boolean, what: string): boolean {
  if (!there) announce(`cannot test ${what} here: this is ${Deno.build.os}`);
  return !there;
}

/** What a process needs to run at all that has no other variables; its home is a directory of its own. */
export function bareEnvironment(home: string): Record<string, string> {
  const kept = ["PATH", "SystemRoot", "TEMP"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const own = POSIX ? { HOME: home } : { USERPROFILE: home, LOCALAPPDATA: join(home, "AppData", "Local") };
  return { ...Object.fromEntries(kept), ...own, DENO_DIR: denoDirectory() };
}

let modules: string | undefined;

/** Where this process keeps its modules: the one that it runs has another home. A run of all tests asks Deno once. */
export function denoDirectory(): string {
  const given = Deno.env.get("DENO_DIR");
  if (given && isAbsolute(given)) return given;
  const ask = () => new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout;
  return modules ??= JSON.parse(new TextDecoder().decode(ask())).denoDir;
}
