/** What people type into the options that name a registry and a repository, and the line that would have worked. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { LayerstashError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { parseRepository } from "../oci/reference.ts";
import { DOCKER_HUB, meantRegistry, parseRegistry, typedName } from "../oci/registry_address.ts";
import { correctedLine, withOption } from "./corrected_line.ts";
import { addressMeant, type Mistake, registryMeant, type RepositoryOptions } from "./place_mistakes.ts";

/** What is wrong with the options that name a repository; `undefined` = nothing is known to be. */
export function mistakeInOptions(
  { registry, repository }: RepositoryOptions,
  command: CommandUnknownOpts,
): Mistake | undefined {
  const correct = (values: Record<string, string>) =>
    correctedLine(
      command,
      (words) => Object.entries(values).reduce((line, each) => withOption(command, line, each), [...words]),
    );
  const meant = meantRegistry(registry);
  if (meant) {
    const { path } = meant;
    const whole = repository === undefined || path.endsWith(repository) ? path : `${path}/${repository}`;
    const values = { registry: meant.registry, repository: path === "" ? repository ?? "me/files" : whole };
    return { problem: problemOf(() => parseRegistry(registry)), hint: correct(values) };
  }
  if (repository === undefined) return undefined;
  const host = hostBefore(registry, repository);
  if (host !== undefined) {
    const { problem = "", name } = host;
    return { problem, hint: correct({ registry: host.registry, repository: name }) };
  }
  const [, path = "", tag = ""] = /^([^:@]+)(?::([^:/@]+)|@[^@]*)$/.exec(repository) ?? [];
  if (path !== "" && isRepository(path)) {
    const takesTag = tag !== "" && command.options.some((option) => option.name() === "base-tag");
    return {
      problem: `-r takes a repository alone, and ${quoted(repository)} names something in it`,
      hint: correct({ repository: path, ...(takesTag && { "base-tag": tag }) }),
    };
  }
  const lower = repository.toLowerCase();
  if (isRepository(repository) || !isRepository(lower)) return undefined;
  return { problem: problemOf(() => parseRepository(repository)), hint: correct({ repository: lower }) };
}

/** What the error of a check says. */
function problemOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof LayerstashError) return error.message;
    throw error;
  }
  throw new TypeError("the check finds nothing wrong");
}

/** A registry that stands before the name of a repository. In other registries than Docker Hub it may be a part of the name. */
function hostBefore(registry: string, repository: string) {
  const address = /^(https?:\/\/)?[^/.:]*[.:][^/]*\/|^localhost\//.test(repository)
    ? addressMeant(repository)
    : undefined;
  if (address?.registry.kind !== "remote") return undefined;
  const { host, origin } = address.registry;
  const asked = registryMeant(registry);
  if (asked?.kind !== "remote") return undefined;
  const isWhole = isRepository(repository);
  if (isWhole && !DOCKER_HUB.has(asked.host) && asked.host !== host) return undefined;
  return {
    problem: `-r takes a repository alone, and ${quoted(repository)} begins with a registry`,
    registry: typedName(host, origin),
    name: address.repository,
  };
}

function isRepository(text: string): boolean {
  try {
    return parseRepository(text) === text;
  } catch {
    return false;
  }
}
