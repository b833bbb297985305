/** Removes tags on GHCR through GitHub's API, as package versions: its registry answers every DELETE with 405. @module */
import * as v from "valibot";
import { InvalidInputError, NotAllowedError, RegistryError } from "../../errors.ts";
import type { CallOptions } from "../../store/store.ts";
import {
  type ApiAnswer,
  callApi,
  complaint,
  readAnswer,
  refusal,
  requirePassword,
  type TagRemover,
  type TagRemoverOptions,
} from "./tag_remover.ts";

/** What the remover for GitHub takes. */
export interface GithubTagRemoverOptions extends TagRemoverOptions {
  /**
   * Moves the tag to a manifest that **no other tag has**, with something unique in it. It is called if the tag shares
   * its package version with others: GitHub can only delete whole versions, with all their tags.
   */
  isolate: (tag: string, options?: CallOptions) => Promise<void>;
}

/** One manifest as GitHub Packages keeps it. */
interface PackageVersion {
  id: number;
  metadata: { container: { tags: string[] } };
}

const HINT = "create a classic personal access token with delete:packages on GitHub and sign in with it";

const ownerSchema = v.object({ type: v.string() });

const versionsSchema = v.array(v.object({
  id: v.pipe(v.number(), v.safeInteger()),
  metadata: v.object({ container: v.object({ tags: v.array(v.string()) }) }),
}));

/** Makes the remover for a repository of GHCR; `api` absent = `https://api.github.com`. */
export function githubTagRemover(options: GithubTagRemoverOptions): TagRemover {
  return new GithubTagRemover(options);
}

class GithubTagRemover implements TagRemover {
  readonly #options: GithubTagRemoverOptions;
  readonly #api: string;
  readonly #owner: string;
  readonly #package: string;
  #versions: URL | undefined;

  constructor(options: GithubTagRemoverOptions) {
    const slash = options.repository.indexOf("/");
    if (slash < 1) {
      throw new InvalidInputError(`"${options.repository}" is not a repository of GitHub's registry`, {
        hint: "its repositories are named OWNER/NAME",
      });
    }
    this.#options = options;
    this.#api = options.api ?? "https://api.github.com";
    this.#owner = options.repository.slice(0, slash);
    this.#package = options.repository.slice(slash + 1);
  }

  async remove(tag: string, options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    let version = await this.#find(tag, signal);
    if (version === undefined) return;
    if (othersOf(version, tag).length > 0) {
      await this.#options.isolate(tag, options);
      version = await this.#find(tag, signal);
      requireAlone(version, tag);
    }
    await this.#delete(version, tag, signal);
  }

  /** Finds the version that has the tag, over all pages. */
  async #find(tag: string, signal?: AbortSignal): Promise<PackageVersion | undefined> {
    let next: URL | undefined = new URL(await this.#versionsUrl(signal));
    next.searchParams.set("per_page", "100");
    while (next !== undefined) {
      const answer = await this.#call("GET", next, signal);
      if (answer.status === 404) throw this.#hidden();
      const found = this.#read(versionsSchema, answer).find((one) => tagsOf(one).includes(tag));
      if (found) return found;
      next = nextPackagesPage(answer, next);
    }
    return undefined;
  }

  async #delete(version: PackageVersion, tag: string, signal?: AbortSignal): Promise<void> {
    const url = new URL(`${await this.#versionsUrl(signal)}/${version.id}`);
    const answer = await this.#call("DELETE", url, signal);
    if (answer.status >= 200 && answer.status < 300) return;
    if (answer.status === 404) {
      // GitHub answers 404 both if the version is gone and if the token may see but not delete it.
      if (await this.#find(tag, signal) === undefined) return;
      throw new NotAllowedError(`GitHub does not let this token delete the tag ${tag}`, { hint: HINT });
    }
    if (answer.status === 400) throw this.#kept(answer);
    throw this.#refusal(answer);
  }

  /** The URL of the versions. Users and organizations have different routes. */
  async #versionsUrl(signal?: AbortSignal): Promise<URL> {
    if (this.#versions) return this.#versions;
    const owner = encodeURIComponent(this.#owner);
    const answer = await this.#call("GET", new URL(`/users/${owner}`, this.#api), signal);
    const { type } = this.#read(ownerSchema, answer);
    // Not /user/packages: these are of the token's owner, who may not be the repository's.
    const route = type === "Organization" ? "orgs" : "users";
    const path = `/${route}/${owner}/packages/container/${encodeURIComponent(this.#package)}/versions`;
    return this.#versions = new URL(path, this.#api);
  }

  async #call(method: string, url: URL, signal?: AbortSignal): Promise<ApiAnswer> {
    const headers = new Headers({
      accept: "application/vnd.github+json",
      authorization: `Bearer ${this.#secret()}`,
      "user-agent": "layerstash",
      "x-github-api-version": "2022-11-28",
    });
    return await callApi(this.#options.transport, { method, url, headers, signal });
  }

  #read<T>(schema: v.GenericSchema<unknown, T>, answer: ApiAnswer): T {
    if (answer.status !== 200) throw this.#refusal(answer);
    return readAnswer(schema, answer);
  }

  #secret(): string {
    return requirePassword(this.#options.credentials, "GitHub").password;
  }

  #refusal(answer: ApiAnswer): Error {
    return refusal(answer, { secret: this.#secret(), hint: HINT });
  }

  #hidden(): NotAllowedError {
    return new NotAllowedError(
      `GitHub does not show the package ${this.#package} of ${this.#owner} to this token`,
      {
        hint: HINT,
      },
    );
  }

  /** The error for a version that GitHub keeps: a package's last tagged one, or one that was downloaded often. */
  #kept(answer: ApiAnswer): NotAllowedError {
    const said = complaint(answer, this.#secret());
    const last = /last (tagged )?version/i.test(said);
    return new NotAllowedError(`GitHub keeps this version${said && `: ${said}`}`, {
      hint: last
        ? `delete the package ${this.#package} in its settings page on GitHub`
        : "GitHub's support can delete it",
    });
  }
}

function tagsOf(version: PackageVersion): string[] {
  return version.metadata.container.tags;
}

function othersOf(version: PackageVersion, tag: string): string[] {
  return tagsOf(version).filter((other) => other !== tag);
}

/** Makes sure that a version has no other tags. They would be deleted with it. */
function requireAlone(version: PackageVersion | undefined, tag: string): asserts version is PackageVersion {
  if (version === undefined) {
    throw new RegistryError(`GitHub does not list the tag ${tag} yet that was just pushed`, {
      hint: "run it again in a minute",
    });
  }
  const others = othersOf(version, tag);
  if (others.length === 0) return;
  throw new NotAllowedError(`deleting the tag ${tag} would delete ${others.join(", ")} with it`, {
    hint: "GitHub's list may lag behind: run it again in a minute",
  });
}

/** The next page by the `Link` header. A token must not go to another origin. */
function nextPackagesPage(answer: ApiAnswer, page: URL): URL | undefined {
  const link = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(answer.headers.get("link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const next = URL.parse(link, page.href);
  if (next?.origin === page.origin && next.href !== page.href) return next;
  throw new RegistryError(`${answer.host} names a next page of another host`, {
    status: answer.status,
  });
}
