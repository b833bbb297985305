/** The registries that completions offer after `--registry`. @module */
import type { Environment } from "../../sign_in/docker_config_file.ts";
import { savedHosts } from "../../sign_in/saved_credentials.ts";
import type { Candidate } from "./complete.ts";

const SHORT_NAMES: readonly Candidate[] = [
  { word: "docker", description: "Docker Hub" },
  { word: "ghcr", description: "GitHub Container Registry" },
  { word: "oci:", description: "a directory" },
];

/** Names without characters that are special to a shell. */
const PLAIN = /^[\p{L}\p{N}._@%+,-]+$/u;

/** Short names and hosts with a login; directories once `oci:` is typed. `typed` is the word so far. */
export async function knownRegistries(typed: string, env: Environment): Promise<Candidate[]> {
  const [, path] = /(?:^|=)oci:(.*)$/.exec(typed) ?? [];
  if (path !== undefined) return directories(path);
  return [...SHORT_NAMES, ...(await savedHosts(env)).map((word) => ({ word, description: "signed in" }))];
}

/** The directories whose paths begin with `path`; hidden ones only if their dot is typed. */
function directories(path: string): Candidate[] {
  const [, parent = "", begun = ""] = /^(.*\/)?([^/]*)$/.exec(path) ?? [];
  try {
    return Array.from(Deno.readDirSync(parent || "."))
      .filter(({ name, isDirectory }) => isDirectory && PLAIN.test(name))
      .filter(({ name }) => name.startsWith(begun) && name.startsWith(".") === begun.startsWith("."))
      .map(({ name }) => ({ word: `oci:${parent}${name}/`, description: "" }));
  } catch {
    return []; // a directory that cannot be read has no completions
  }
}
