/** What completions offer where a place may stand: registries, and what lies in the directories that serve as one. @module */
import { readEntries } from "../../layout/read_index.ts";
import { findLayouts, isLayout } from "../../layout/find_layouts.ts";
import type { Environment } from "../../sign_in/docker_config_file.ts";
import { savedHosts } from "../../sign_in/saved_credentials.ts";
import type { Candidate, KnownPlaces } from "./complete.ts";

const SHORT_NAMES: readonly Candidate[] = [
  { word: "docker", description: "Docker Hub" },
  { word: "ghcr", description: "GitHub Container Registry" },
  { word: "oci:", description: "a directory" },
];

/** Names without characters that are special to a shell. */
const PLAIN = /^[\p{L}\p{N}._@%+,-]+$/u;

/**
 * Looks up what may stand at the cursor. Nothing is asked over the network: of a registry only its name is known.
 *
 * @param words the words up to the cursor; the last one is being typed
 */
export function knownPlaces(words: readonly string[], env: Environment): KnownPlaces {
  const typed = words.at(-1) ?? "";
  const box = valueOf(words, ["--registry"]) ?? env["LAYERSTASH_REGISTRY"] ?? "";
  const directory = /^oci:(.+)$/.exec(box)?.[1]?.replace(/\/$/, "");
  const repository = valueOf(words, ["-r", "--repository"]) ?? env["LAYERSTASH_REPOSITORY"];
  return {
    registries: () => knownRegistries(typed, env),
    addresses: () => knownAddresses(typed, env),
    repositories: async () => directory === undefined ? [] : plainWords(await layoutsIn(directory)),
    names: async () =>
      directory === undefined || repository === undefined
        ? []
        : plainWords(await tagsInLayout(`${directory}/${repository}`)),
  };
}

/** The value of the last of these options before the cursor. */
function valueOf(words: readonly string[], options: readonly string[]): string | undefined {
  const before = words.slice(0, -1);
  const at = before.findLastIndex((word) =>
    options.some((each) => word === each || word.startsWith(`${each}=`))
  );
  if (at < 0) return undefined;
  return options.includes(before[at]!) ? before[at + 1] : before[at]!.replace(/^[^=]*=/, "");
}

/** Short names and hosts with a login; directories once `oci:` is typed. `typed` is the word so far. */
async function knownRegistries(typed: string, env: Environment): Promise<Candidate[]> {
  const [, path] = /(?:^|=)oci:(.*)$/.exec(typed) ?? [];
  if (path !== undefined) return directories(path).map(({ word }) => ({ word: `${word}/`, description: "" }));
  return [...SHORT_NAMES, ...(await savedHosts(env)).map((word) => ({ word, description: "signed in" }))];
}

/** How addresses begin; once `oci:` is typed, layouts, and what has a name in the one that is typed. */
async function knownAddresses(typed: string, env: Environment): Promise<Candidate[]> {
  const [, path] = /^oci:(.*)$/.exec(typed) ?? [];
  if (path === undefined) {
    const hosts = new Set(["ghcr.io", ...await savedHosts(env)]);
    return [...[...hosts].map((host) => ({ word: `${host}/`, description: "" })), ...SHORT_NAMES.slice(-1)];
  }
  const [, layout] = /^(.+):[^:/]*$/.exec(path) ?? [];
  if (layout !== undefined && isLayout(layout)) {
    return plainWords(await tagsInLayout(layout)).map(({ word }) => ({
      word: `oci:${layout}:${word}`,
      description: "",
    }));
  }
  return directories(path).flatMap(({ word, directory }) =>
    (isLayout(directory) ? [word, `${word}:`] : [`${word}/`]).map((each) => ({ word: each, description: "" }))
  );
}

async function layoutsIn(directory: string): Promise<string[]> {
  return await Array.fromAsync(findLayouts(directory, {})).catch(() => []);
}

/** Stored files, each once, and all other tags. A file has the tag of its first chunk. */
async function tagsInLayout(directory: string): Promise<string[]> {
  const entries = await readEntries(directory).catch(() => []);
  const tags = new Set(entries.flatMap(({ tag }) => tag ?? []));
  const names = [...tags].map((tag) => {
    const [, name = tag] = /^(.+)-[1-9]\d*$/.exec(tag) ?? [];
    return tags.has(`${name}-1`) ? name : tag;
  });
  return [...new Set(names)].sort();
}

/** Those that a shell needs not quote. */
function plainWords(words: readonly string[]): Candidate[] {
  return words.filter((word) => word.split("/").every((part) => PLAIN.test(part)))
    .map((word) => ({ word, description: "" }));
}

/** The directories whose paths begin with `path`; hidden ones only if their dot is typed. */
function directories(path: string): { word: string; directory: string }[] {
  const [, parent = "", begun = ""] = /^(.*\/)?([^/]*)$/.exec(path) ?? [];
  try {
    return Array.from(Deno.readDirSync(parent || "."))
      .filter(({ name, isDirectory }) => isDirectory && PLAIN.test(name))
      .filter(({ name }) => name.startsWith(begun) && name.startsWith(".") === begun.startsWith("."))
      .map(({ name }) => name).sort()
      .map((name) => ({ word: `oci:${parent}${name}`, directory: `${parent}${name}` }));
  } catch {
    return []; // a directory that cannot be read has no completions
  }
}
