/** Removes tags on Docker Hub through its own API: its registry answers every DELETE with 405. @module */
import * as v from "valibot";
import { InvalidInputError } from "../../errors.ts";
import type { CallOptions } from "../../store/store.ts";
import {
  type ApiAnswer,
  callApi,
  type PasswordCredentials,
  readAnswer,
  refusal,
  requirePassword,
  type TagRemover,
  type TagRemoverOptions,
} from "./tag_remover.ts";

const HINT = 'create a personal access token with "Read, Write, Delete" on Docker Hub and sign in with it';

const tokenSchema = v.object({ access_token: v.pipe(v.string(), v.minLength(1)) });

/** Makes the remover for a repository of Docker Hub; `api` absent = `https://hub.docker.com`. */
export function hubTagRemover(options: TagRemoverOptions): TagRemover {
  return new HubTagRemover(options);
}

class HubTagRemover implements TagRemover {
  readonly #options: TagRemoverOptions;
  readonly #api: string;
  #token: string | undefined;

  constructor(options: TagRemoverOptions) {
    this.#options = options;
    this.#api = options.api ?? "https://hub.docker.com";
  }

  async remove(tag: string, { signal }: CallOptions = {}): Promise<void> {
    const credentials = requirePassword(this.#options.credentials, "Docker Hub");
    const url = this.#tagUrl(tag);
    const cached = this.#token !== undefined;
    let answer = await this.#delete(url, credentials, signal);
    if (answer.status === 401 && cached) {
      // Tokens are valid for minutes, and a long run takes longer.
      this.#token = undefined;
      answer = await this.#delete(url, credentials, signal);
    }
    if (answer.status === 404 || answer.status >= 200 && answer.status < 300) return;
    throw refusal(answer, { secret: credentials.password, hint: HINT });
  }

  async #delete(url: URL, credentials: PasswordCredentials, signal?: AbortSignal): Promise<ApiAnswer> {
    this.#token ??= await this.#signIn(credentials, signal);
    const headers = new Headers({ accept: "application/json", authorization: `Bearer ${this.#token}` });
    return await callApi(this.#options.transport, { method: "DELETE", url, headers, signal });
  }

  async #signIn({ username, password }: PasswordCredentials, signal?: AbortSignal): Promise<string> {
    const answer = await callApi(this.#options.transport, {
      method: "POST",
      url: new URL("/v2/auth/token", this.#api),
      headers: new Headers({ accept: "application/json", "content-type": "application/json" }),
      body: new TextEncoder().encode(JSON.stringify({ identifier: username, secret: password })),
      signal,
    });
    if (answer.status !== 200) throw refusal(answer, { secret: password, hint: HINT });
    return readAnswer(tokenSchema, answer).access_token;
  }

  #tagUrl(tag: string): URL {
    const [namespace, name, ...more] = this.#options.repository.split("/");
    if (!namespace || !name || more.length > 0) {
      throw new InvalidInputError(`"${this.#options.repository}" is not a repository of Docker Hub`, {
        hint: "its repositories are named NAMESPACE/NAME",
      });
    }
    const path = [namespace, name, "tags", tag].map(encodeURIComponent).join("/");
    return new URL(`/v2/repositories/${path}/`, this.#api);
  }
}
