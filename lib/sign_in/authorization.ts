/** Keeps the `Authorization` header for one repository: what the registry asked for, and tokens while they last. @module */
import { InvalidInputError, LayerstashError, NotAllowedError, RegistryError } from "../errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Credentials, FindCredentials } from "./credentials.ts";
import type { Clock } from "../async/clock.ts";
import { Secrets } from "./secrets.ts";
import { basic, bearer, header, requestToken, type Token } from "./token_request.ts";
import type { Transport } from "../http/transport.ts";

/** What a request does, and so what its token has to allow. */
export type Action = "pull" | "push" | "delete";

/** What an authorization is made for. */
export interface AuthorizationOptions {
  /** Scheme, host and port of the registry. */
  origin: string;
  /** The registry's name, under which its credentials are kept. */
  host: string;
  /** Credentials may be kept by repository. */
  repository: string;
  findCredentials: FindCredentials;
  transport: Transport;
  clock: Clock;
  /** The host, with its port, that tokens are asked at in place of the one that the registry names. */
  authHost?: string | undefined;
}

/** How a registry wants to be signed in to; `token` is good for what was asked. */
export type SignInDemand = { scheme: "none" } | { scheme: "basic" } | { scheme: "bearer"; token: string };

/** What a token for the list of repositories has to allow. */
export const CATALOG_SCOPE = "registry:catalog:*";

type Demand = { scheme: "basic" } | { scheme: "bearer"; realm: URL; service: string | undefined };
type Held = Token & { obtained: number };

/** Answers the registry's challenges. It asks for a token when one is first needed and before it runs out. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens: Map<string, Promise<Held>> = new Map();
  /** The tokens that got a 401 since they were given. */
  readonly #refused: Set<string> = new Set();
  #credentials: Promise<Credentials | undefined> | undefined;
  #demand: Demand | undefined;
  readonly #secrets: Secrets = new Secrets();

  /** @param options for whom and where */
  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** Whether the registry has asked for anything. */
  get demanded(): boolean {
    return this.#demand !== undefined;
  }

  /** Whether there is somebody to sign in as. */
  async signedIn(): Promise<boolean> {
    return await this.#lookUp() !== undefined;
  }

  /** What a server says, without what was sent to it as proof of who asks: some repeat it in their errors. */
  hide(text: string): string {
    return this.#secrets.hide(text);
  }

  /**
   * The header for a request; `undefined` while the registry has not asked for one.
   *
   * @throws {NotAllowedError} when the registry wants to know who asks, and nothing is known
   */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const credentials = await this.#lookUp();
    if (credentials?.kind === "bearer") return bearer(credentials.token);
    if (!this.#demand) return undefined;
    if (this.#demand.scheme === "basic") return this.#basic(credentials);
    return bearer((await this.#token(scopes, signal)).token);
  }

  /**
   * What the registry has asked for, answered.
   *
   * @throws {NotAllowedError} when no token is given
   */
  async demand(scopes: readonly string[], signal?: AbortSignal): Promise<SignInDemand> {
    const credentials = await this.#lookUp();
    if (credentials?.kind === "bearer") return { scheme: "bearer", token: credentials.token };
    if (!this.#demand) return { scheme: "none" };
    if (this.#demand.scheme === "basic") return { scheme: "basic" };
    return { scheme: "bearer", token: (await this.#token(scopes, signal)).token };
  }

  /**
   * Takes in the challenge of a 401 to what was `sent` as `Authorization`. A token that was refused is not held any
   * longer, however fresh it seems: a clock may be wrong, and time that this machine sleeps through is not counted.
   *
   * @returns whether there is anything else to answer
   */
  async learn(response: Response, sent: string | null): Promise<boolean> {
    const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters["realm"]);
    if (bearer) {
      const realm = this.#checkRealm(bearer.parameters["realm"]!);
      this.#demand = { scheme: "bearer", realm, service: bearer.parameters["service"] };
    } else if (challenges.some(({ scheme }) => scheme === "basic")) {
      this.#demand = { scheme: "basic" };
    } else {
      throw new NotAllowedError(`${this.#options.host} answered 401 and does not say how to sign in`);
    }
    if (sent === null) return true;
    this.#refused.add(sent);
    if ((await this.#lookUp())?.kind === "bearer") return false;
    return bearer !== undefined || !sent.startsWith("Basic ");
  }

  #lookUp(): Promise<Credentials | undefined> {
    const { findCredentials, host, repository } = this.#options;
    return this.#credentials ??= findCredentials(host, repository).then((credentials) => {
      if (credentials) this.#secrets.add(credentials);
      return credentials;
    });
  }

  #basic(credentials: Credentials | undefined): string {
    if (credentials?.kind === "password") return basic(credentials.username, credentials.password);
    if (credentials?.kind === "header") return header(credentials.authorization);
    throw new NotAllowedError(`${this.#options.host} wants a user name and a password`, {
      hint: `sign in with: layerstash login ${this.#options.host}`,
    });
  }

  async #token(scopes: readonly string[], signal?: AbortSignal): Promise<Held> {
    const key = scopes.join(" ");
    for (let held = this.#tokens.get(key); held; held = this.#tokens.get(key)) {
      const token = await held.catch(orNone);
      if (token && !this.#isStale(token)) return token;
      if (this.#tokens.get(key) === held) this.#tokens.delete(key);
    }
    const asked = this.#ask(scopes, signal);
    this.#tokens.set(key, asked);
    asked.catch(() => this.#tokens.get(key) === asked && this.#tokens.delete(key));
    return await asked;
  }

  async #ask(scopes: readonly string[], signal?: AbortSignal): Promise<Held> {
    const { host, transport, clock } = this.#options;
    const { realm, service } = this.#demand as Extract<Demand, { scheme: "bearer" }>;
    const obtained = clock.now(); // not the wall clock, and not the server's either (issued_at)
    const token = await requestToken(transport, {
      host,
      realm,
      service,
      scopes,
      credentials: await this.#lookUp(),
      signal,
    });
    this.#secrets.add({ kind: "bearer", token: token.token });
    this.#refused.delete(`Bearer ${token.token}`); // given anew: some servers have only one for each user (GHCR)
    return { ...token, obtained };
  }

  /** A token is replaced while it still serves, so that no request begins with one that is about to end. */
  #isStale({ token, obtained, lifetime }: Held): boolean {
    if (this.#refused.has(`Bearer ${token}`)) return true;
    const left = obtained + lifetime - this.#options.clock.now();
    return left < Math.max(Math.min(30_000, lifetime / 2), lifetime / 10);
  }

  #checkRealm(realm: string): URL {
    const { origin, authHost } = this.#options;
    const named = URL.parse(realm, origin);
    const url = named && authHost !== undefined ? atHost(named, authHost) : named;
    const plainAllowed = this.#options.origin.startsWith("http:");
    if (url && (url.protocol === "https:" || (plainAllowed && url.protocol === "http:"))) return url;
    throw new RegistryError(
      `${this.#options.host} names a token server that cannot be trusted with a password`,
      {
        hint: "the token server of a registry on https has to be on https itself",
      },
    );
  }
}

/** The same URL at another host, and at the port that is named with it. */
function atHost(url: URL, host: string): URL {
  const other = URL.parse(`${url.protocol}//${host}`);
  if (!other || other.href !== `${other.origin}/`) {
    throw new InvalidInputError("what is to be asked for tokens is not a host", {
      hint: "as in auth.example.com",
    });
  }
  return new URL(`${other.origin}${url.pathname}${url.search}`);
}

/** A token that another request had asked for, and gave up when it was aborted, is asked for anew. */
function orNone(error: unknown): undefined {
  if (error instanceof LayerstashError) throw error;
}

/**
 * The scope to ask for. It is not taken from the challenge, which may be a placeholder (GHCR). A token for reading
 * asks for nothing else: some registries refuse anybody more.
 */
export function scopeFor(repository: string, action: Action): string {
  const rights: Record<Action, string> = { pull: "pull", push: "pull,push", delete: "pull,push,delete" };
  return `repository:${repository}:${rights[action]}`;
}
