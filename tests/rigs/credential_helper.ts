/** A home directory with a credential helper on its `PATH`: a shell script that keeps logins in files. @module */
import { dirname, join } from "node:path";

/** Keeps each login in a file that is named for its server, and writes every call to `calls`. */
export const KEEPING_SCRIPT: string = `#!/bin/sh
input=$(cat)
server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
file="$HELPER_STORE/$(printf %s "$server" | tr '/:' '__')"
echo "$1 $server" >> "$HELPER_STORE/calls"
case "$1" in
  store) printf %s "$input" > "$file" ;;
  get) cat "$file" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
  erase) rm "$file" ;;
esac
`;

/** A home directory that is removed at the end of the block. */
export interface HelperHome extends AsyncDisposable {
  /** Where it is. */
  path: string;
  /** The environment of someone who lives there. */
  env: Record<string, string>;
  /** The calls of the keeping script so far, as `get ghcr.io`. */
  calls(): Promise<string[]>;
  /** Puts a file there. */
  write(name: string, content: string): Promise<void>;
  /** Installs a script as `docker-credential-<suffix>`. */
  install(suffix: string, script: string): Promise<void>;
}

/** Makes a home directory with the keeping script as `docker-credential-keeper`. */
export async function helperHome(): Promise<HelperHome> {
  const path = await Deno.makeTempDir({ prefix: "layerstash-home-" });
  const store = join(path, "store");
  await Deno.mkdir(store);
  const home: HelperHome = {
    path,
    env: { HOME: path, PATH: `${join(path, "bin")}:/usr/bin:/bin`, HELPER_STORE: store },
    async calls() {
      return (await Deno.readTextFile(join(store, "calls")).catch(() => "")).split("\n").filter(Boolean);
    },
    async write(name, content) {
      await Deno.mkdir(dirname(join(path, name)), { recursive: true });
      await Deno.writeTextFile(join(path, name), content);
    },
    async install(suffix, script) {
      await home.write(`bin/docker-credential-${suffix}`, script);
      await Deno.chmod(join(path, `bin/docker-credential-${suffix}`), 0o755);
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
  await home.install("keeper", KEEPING_SCRIPT);
  return home;
}
