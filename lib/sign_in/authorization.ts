/** Makes the `Authorization` header for one repository, and caches its tokens until they expire. @module */
import { InvalidInputError, LayerstashError, NotAllowedError, RegistryError } from "../errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import type { OnEvent } from "../events.ts";
import type { Clock } from "../async/clock.ts";
import { SentCredentials, type SentCredentialsOptions } from "./sent_credentials.ts";
import { basicHeader, bearerHeader, givenHeader } from "./authorization_header.ts";
import { requestToken, type Token } from "./token_request.ts";
import type { Transport } from "../http/request.ts";

/** What a request does, and so what its token must allow. */
export type Action = "pull" | "push" | "delete";

/** The repository, and what signing in to it takes. */
export interface AuthorizationOptions extends SentCredentialsOptions {
  transport: Transport;
  clock: Clock;
  /** The host, with its port, that replaces the token server's host that the registry names. */
  authHost?: string | undefined;
}

/** The sign-in that a registry demands; `token` allows the requested actions. */
export type SignInDemand = { scheme: "none" } | { scheme: "basic" } | { scheme: "bearer"; token: string };

/** The scope of a token that may list the registry's repositories. */
export const CATALOG_SCOPE = "registry:catalog:*";

type Demand = { scheme: "basic" } | { scheme: "bearer"; realm: URL; service: string | undefined };
type CachedToken = Token & { obtained: number };

/** Answers a registry's challenges. A token is requested when it is first needed, and again before it expires. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens: Map<string, Promise<CachedToken>> = new Map();
  /** `Authorization` headers that the registry answered with 401. */
  readonly #refused: Set<string> = new Set();
  #demand: Demand | undefined;
  /** Whether the token server has answered. */
  #hasReached = false;
  readonly #credentials: SentCredentials;

  /** @param options the repository, and what signing in to it takes */
  constructor(options: AuthorizationOptions) {
    this.#options = options;
    this.#credentials = new SentCredentials(options);
  }

  /** Whether the registry has demanded a sign-in. */
  get demanded(): boolean {
    return this.#demand !== undefined;
  }

  /** Whether there are credentials for the repository. */
  async signedIn(): Promise<boolean> {
    return await this.#credentials.lookUp() !== undefined;
  }

  /** What to do to sign in, for hints. */
  get howToSignIn(): string {
    return this.#credentials.howToSignIn;
  }

  /** A server's text with the secrets that were sent to it hidden: some servers repeat them in their errors. */
  hide(text: string): string {
    return this.#credentials.secrets.hide(text);
  }

  /**
   * The header for a request; `undefined` while the registry has not demanded one.
   *
   * @throws {NotAllowedError} if the registry demands a user name and password and there are none, or gives no token
   */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const credentials = await this.#credentials.lookUp();
    if (credentials?.kind === "bearer") return bearerHeader(credentials.token);
    if (!this.#demand) return undefined;
    if (this.#demand.scheme === "basic") return this.#basic(credentials);
    return bearerHeader((await this.#token(scopes, signal)).token);
  }

  /**
   * The sign-in that the registry demands, with a token for these scopes where it demands tokens.
   *
   * @throws {NotAllowedError} if the token server gives no token
   */
  async demand(scopes: readonly string[], signal?: AbortSignal): Promise<SignInDemand> {
    const credentials = await this.#credentials.lookUp();
    if (credentials?.kind === "bearer") return { scheme: "bearer", token: credentials.token };
    if (!this.#demand) return { scheme: "none" };
    if (this.#demand.scheme === "basic") return { scheme: "basic" };
    return { scheme: "bearer", token: (await this.#token(scopes, signal)).token };
  }

  /**
   * Reads the challenge of a 401 that answered a request with `sent` as its `Authorization`. A refused token is not
   * used again, however fresh it seems: a clock may be wrong, and the time that this machine sleeps is not counted.
   *
   * @returns whether another attempt can send something else
   */
  async learn(response: Response, sent: string | null, onEvent?: OnEvent): Promise<boolean> {
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
    const realm = this.#demand.scheme === "bearer" ? this.#demand.realm : undefined;
    await this.#credentials.reportWithheld(realm, onEvent);
    if (sent === null) return true;
    this.#refused.add(sent);
    if ((await this.#credentials.lookUp())?.kind === "bearer") return false;
    return bearer !== undefined || !sent.startsWith("Basic ");
  }

  #basic(credentials: Credentials | undefined): string {
    if (credentials?.kind === "password") return basicHeader(credentials.username, credentials.password);
    if (credentials?.kind === "header") return givenHeader(credentials.authorization);
    throw new NotAllowedError(`${this.#options.host} requires a user name and a password`, {
      hint: `sign in with: ${this.howToSignIn}`,
      needsSignIn: true,
    });
  }

  async #token(scopes: readonly string[], signal?: AbortSignal): Promise<CachedToken> {
    const key = scopes.join(" ");
    for (let cached = this.#tokens.get(key); cached; cached = this.#tokens.get(key)) {
      const token = await cached.catch(ignoreAbort);
      if (token && !this.#isStale(token)) return token;
      if (this.#tokens.get(key) === cached) this.#tokens.delete(key);
    }
    const requested = this.#request(scopes, signal);
    this.#tokens.set(key, requested);
    requested.catch(() => this.#tokens.get(key) === requested && this.#tokens.delete(key));
    return await requested;
  }

  async #request(scopes: readonly string[], signal?: AbortSignal): Promise<CachedToken> {
    const { transport, clock } = this.#options;
    const { realm, service } = this.#demand as Extract<Demand, { scheme: "bearer" }>;
    const obtained = clock.now(); // a monotonic clock: neither the wall clock nor the server's `issued_at`
    const credentials = await this.#credentials.lookUp(realm);
    const { howToSignIn } = this;
    const request = { howToSignIn, realm, service, scopes, credentials, signal };
    const token = await this.#reached(requestToken(transport, request));
    this.#credentials.secrets.add({ kind: "bearer", token: token.token });
    this.#refused.delete(`Bearer ${token.token}`); // GHCR gives each user the same token again
    return { ...token, obtained };
  }

  /** The token server that a registry names may be out of reach for ever: it is not waited for as long as one that answered. */
  async #reached(requested: Promise<Token>): Promise<Token> {
    try {
      const token = await requested;
      this.#hasReached = true;
      return token;
    } catch (error) {
      const away = error instanceof RegistryError && error.status === 0 && !this.#hasReached;
      throw away ? error.with({ firstContact: true }) : error;
    }
  }

  /** Whether to replace a token: before it expires, so that no request starts with one that is about to. */
  #isStale({ token, obtained, lifetime }: CachedToken): boolean {
    if (this.#refused.has(`Bearer ${token}`)) return true;
    const left = obtained + lifetime - this.#options.clock.now();
    return left < Math.max(Math.min(30_000, lifetime / 2), lifetime / 10);
  }

  #checkRealm(realm: string): URL {
    const { origin, authHost } = this.#options;
    const named = URL.parse(realm, origin);
    const url = named && authHost !== undefined ? withHost(named, authHost) : named;
    const plainAllowed = this.#options.origin.startsWith("http:");
    if (url && (url.protocol === "https:" || (plainAllowed && url.protocol === "http:"))) return url;
    throw new RegistryError(
      `${this.#options.host} names a token server that cannot be trusted with a password`,
      {
        hint: "the token server of a registry on https must be on https itself",
      },
    );
  }
}

/** Replaces the host and port of a URL. */
function withHost(url: URL, host: string): URL {
  const other = URL.parse(`${url.protocol}//${host}`);
  if (!other || other.href !== `${other.origin}/`) {
    throw new InvalidInputError("the token server's name is not a host", {
      hint: "as in auth.example.com",
    });
  }
  return new URL(`${other.origin}${url.pathname}${url.search}`);
}

/** Ignores that the request for a cached token was aborted by its caller: this caller requests another. */
function ignoreAbort(error: unknown): undefined {
  if (error instanceof LayerstashError) throw error;
}

/**
 * The scope to request for an action. The scope of the challenge is ignored: GHCR's is a placeholder. To read, only
 * `pull` is requested: some registries refuse a wider scope to users without the right to push.
 */
export function scopeFor(repository: string, action: Action): string {
  const rights: Record<Action, string> = { pull: "pull", push: "pull,push", delete: "pull,push,delete" };
  return `repository:${repository}:${rights[action]}`;
}
