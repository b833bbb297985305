/** Where this program keeps what it writes down about transfers that are under way. @module */
import { join } from "node:path";

type Environment = Record<string, string | undefined>;

/**
 * The system's usual place for the state of a program (XDG Base Directory Specification; its counterparts on macOS and
 * Windows); `undefined` where there is no home.
 */
export function stateDirectory(
  env: Environment,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  const { XDG_STATE_HOME, HOME, LOCALAPPDATA, USERPROFILE } = env;
  const within = (base: string | undefined, ...rest: string[]) => base ? join(base, ...rest) : undefined;
  if (XDG_STATE_HOME) return within(XDG_STATE_HOME, "layerstash");
  if (os === "windows") {
    return within(LOCALAPPDATA, "layerstash") ?? within(USERPROFILE, "AppData", "Local", "layerstash");
  }
  if (os === "darwin") return within(HOME, "Library", "Application Support", "layerstash");
  return within(HOME, ".local", "state", "layerstash");
}
