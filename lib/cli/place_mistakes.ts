/**
 * What people type in the place of a registry or a repository, and the command line that would have worked.
 *
 * @module
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { parseAddress } from "../../main.ts";
import type { LayerstashError } from "../errors.ts";
import { quoted } from "../messages.ts";
import type { Address } from "../oci/address.ts";
import {
  DOCKER_HUB,
  meantRegistry,
  parseRegistry,
  type RegistryAddress,
  typedName,
} from "../oci/registry_address.ts";
import { correctedLine, typedWords, withOption, withWord } from "./corrected_line.ts";

/** A mistake, and what to do about it. */
export interface Mistake {
  problem: string;
  hint?: string | undefined;
}

/** The options that name a repository, as they were typed. */
export interface RepositoryOptions {
  registry: string;
  repository?: string | undefined;
}

/** What is wrong with a word that is not an address, as its error says it; with the line that would have worked, if it is known. */
export function mistakeInAddress(word: string, error: LayerstashError, command: CommandUnknownOpts): Mistake {
  if (/(^|\/)YOU\//.test(word)) {
    return {
      problem: `YOU in ${quoted(word)} stands for your user name`,
      hint: `type that in its place, as in ${word.replace("YOU/", "jane/")}`,
    };
  }
  const meant = correctAddress(word);
  if (meant === undefined) return { problem: error.message, hint: error.hint };
  return { problem: error.message, hint: correctedLine(command, (words) => withWord(words, word, meant)) };
}

/** An address that says something else than was meant; `undefined` = nothing is known to be wrong. */
export function mistakeInMeaning(
  { registry, repository, text }: Address,
  command: CommandUnknownOpts,
): Mistake | undefined {
  if (registry.kind !== "remote" || registry.host !== "docker.io") return undefined;
  const [first = "", ...rest] = repository.split("/");
  const meant = rest.length > 1 && !/^\w+:\/\/|^docker\.io\//.test(text) ? meantRegistry(first) : undefined;
  const host = first === "ghcr" && rest.length > 1 ? "ghcr.io" : meant?.registry;
  if (host === undefined) return undefined;
  return {
    problem: `an address has the whole name of its registry, ${host}, and not ${quoted(first)}`,
    hint: correctedLine(command, (words) => withWord(words, text, text.replace(first, host))),
  };
}

/** What is wrong with an address that names no registry where the variable for the registry names one: it is not used. */
export function mistakeInVariable(
  { registry, text }: Address,
  named: string,
  command: CommandUnknownOpts,
): Mistake | undefined {
  if (command.getOptionValueSource("registry") !== "env") return undefined;
  if (registry.kind !== "remote" || registry.host !== "docker.io" || text.includes("docker.io")) {
    return undefined;
  }
  const meant = registryMeant(named);
  if (!meant || isDockerHub(meant)) return undefined;
  const prefix = meant.kind === "layout" ? named : typedName(meant.host, meant.origin);
  const line = correctedLine(
    command,
    (words) => withWord(words, text, `${prefix}/${text.replace("docker://", "")}`),
  );
  return {
    problem: `${quoted(text)} is an address on Docker Hub: LAYERSTASH_REGISTRY, ${named}, is for -r alone`,
    hint: `${line}; or write docker.io/${text}`,
  };
}

/** The commands that change a repository. */
const WRITING: ReadonlySet<string> = new Set(["upload", "remove", "push", "set", "mount"]);

/** What is wrong with a command that changes one of Docker Hub's own repositories: nobody may. */
export function mistakeInOwner(
  { registry, repository, address }: RepositoryOptions & { address?: Address | undefined },
  command: CommandUnknownOpts,
): Mistake | undefined {
  if (repository === undefined || repository.includes("/") || !WRITING.has(command.name())) return undefined;
  if (!isDockerHub(registryMeant(registry))) return undefined;
  const own = `YOU/${repository}`;
  const line = correctedLine(
    command,
    (words) =>
      address
        ? withWord(words, address.text, ownedAddress(address, own))
        : withOption(command, words, ["repository", own]),
  );
  return {
    problem: `${quoted(repository)} is a repository of Docker Hub itself: put your user name there before it`,
    hint: line,
  };
}

/** An address with another repository. Its registry may have the same letters: docker.io/docker. */
function ownedAddress({ text, repository }: Address, own: string): string {
  const at = text.lastIndexOf(`/${repository}`) + 1;
  return text.slice(0, at) + own + text.slice(at + repository.length);
}

/** What is wrong with a file as the place of a layout that a command changes. */
export function mistakeInLayout(
  { registry, text }: Address,
  command: CommandUnknownOpts,
): Mistake | undefined {
  if (registry.kind !== "archive" || !text.startsWith("oci:") || !WRITING.has(command.name())) {
    return undefined;
  }
  return {
    problem: `${
      quoted(text)
    } is no place to store in: oci: needs a directory, and ${registry.file} is a file`,
    hint: `name a directory, or one that does not exist yet: oci:${registry.file}.oci`,
  };
}

/** The command line with a repository as an example, where none was named. */
export function lineWithPlace(command: CommandUnknownOpts): string {
  const takesName = command.options.some((option) => option.name() === "base-tag");
  const isNamed = command.getOptionValueSource("baseTag") === "cli";
  const address = takesName && !isNamed ? "ghcr.io/me/files:disk" : "ghcr.io/me/files";
  const file = command.name() === "upload" && typedWords(command).length === 1 ? ["disk.img"] : [];
  return correctedLine(command, (words) => [...words, ...file, address]);
}

/** The command line that lists the names in the repository that this one names. */
export function lineOfList(
  word: string | undefined,
  { registry, repository }: Required<RepositoryOptions>,
  command: CommandUnknownOpts,
): string {
  const typed = command.getOptionValueSource("registry") === "cli" ? ["--registry", registry] : [];
  return correctedLine(
    command,
    () => ["list", ...(word === undefined ? [...typed, "-r", repository] : [word])],
  );
}

function isDockerHub(registry: RegistryAddress | undefined): boolean {
  return registry?.kind === "remote" && DOCKER_HUB.has(registry.host);
}

/** The registry that a text names; `undefined` if it names none, which is told when it is opened. */
export function registryMeant(text: string): RegistryAddress | undefined {
  try {
    return parseRegistry(text);
  } catch {
    return undefined;
  }
}

/** The address that a text is; `undefined` if it is none. */
export function addressMeant(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}

/** The address that was meant by a word that is not one: of a web site, or with capital letters. */
function correctAddress(word: string): string | undefined {
  const site = /^(https?:\/\/)?[^/]+\/./.test(word) ? meantRegistry(word) : undefined;
  const [, name = "", reference = ""] = /^(.*?)(:[^:/]*)?$/s.exec(word) ?? [];
  const candidates = [site && `${site.registry}/${site.path}`, name.toLowerCase() + reference];
  return candidates.find((each) => each !== undefined && each !== word && addressMeant(each) !== undefined);
}
