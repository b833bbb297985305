/** A token server as distribution's "token authentication" pages describe it, inside the test's process. @module */
import type { ServerCertificate } from "./certificates.ts";
import { basicAuthorization, USER } from "./user.ts";

/** How the server behaves. Tests may change it at any time. */
export interface TokenSettings {
  /** What a token is for, and who made it: they must be what the registry was told. */
  service: string;
  /** See `service`. */
  issuer: string;
  /** What `expires_in` says, in seconds. */
  lifetime: number;
  /** How long a token is really good, in seconds: negative = never was. `lifetime` where absent. */
  validFor?: number | undefined;
  /** How many requests a token is good for at the fake registry. */
  uses?: number | undefined;
  /** Whether who does not sign in may pull. */
  anonymousPull: boolean;
  /** The status that every POST gets: 404 and 405 are servers without OAuth2, 400 is ACR, 401 is Artifactory. */
  refusePost?: number | undefined;
  /** The status that every GET gets. */
  refuseGet?: number | undefined;
  /** Makes the token of its claims; without it tokens are opaque, and only the fake registry knows them. */
  sign?: ((claims: Record<string, unknown>) => string) | undefined;
}

/** A request that was made, and what it got. */
export interface TokenRequest {
  /** `GET` or `POST`. */
  method: string;
  /** What stood behind the `?`. */
  query: URLSearchParams;
  /** The form of a POST; empty for a GET. */
  form: URLSearchParams;
  /** The `Authorization` header. */
  authorization: string | undefined;
  /** The answer's status. */
  status: number;
}

/** What a token allows. */
export interface Access {
  /** `repository` or `registry`. */
  type: string;
  /** The repository. */
  name: string;
  /** `pull`, `push`, `delete` or `*`. */
  actions: string[];
}

/** A running token server. */
export interface TokenServer extends AsyncDisposable {
  /** The realm: the URL that tokens are asked at. */
  readonly realm: string;
  /** How it behaves from now on. */
  readonly settings: TokenSettings;
  /** Every request, oldest first. */
  readonly requests: TokenRequest[];
  /** A refresh token that it takes, as a user would have from an earlier sign-in. */
  readonly refreshToken: string;
  /** Uses a token once: `undefined` = it is unknown, used up or too old. */
  use(token: string): Access[] | undefined;
  /** Makes every token that it gave out invalid. */
  revokeAll(): void;
}

interface Grant {
  access: Access[];
  usesLeft: number;
  expires: number;
}

interface Asked {
  user: string | undefined;
  scopes: string[];
  offline: boolean;
}

const ALL_ACTIONS = new Set(["pull", "push", "delete", "*"]);

/** Starts a token server on a free port of this machine; with a certificate it is reached over https. */
export function startTokenServer(
  settings?: Partial<TokenSettings>,
  certificate?: ServerCertificate,
): TokenServer {
  const defaults = {
    service: "layerstash-tests",
    issuer: "layerstash-tests",
    lifetime: 300,
    anonymousPull: true,
  };
  return new RunningTokenServer({ ...defaults, ...settings }, certificate);
}

class RunningTokenServer implements TokenServer {
  readonly settings: TokenSettings;
  readonly requests: TokenRequest[] = [];
  readonly refreshToken = `refresh-${crypto.randomUUID()}`;
  readonly realm: string;
  readonly #grants = new Map<string, Grant>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(settings: TokenSettings, certificate: ServerCertificate | undefined) {
    this.settings = settings;
    const tls = certificate && { cert: certificate.certificatePem, key: certificate.keyPem };
    const listen = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls };
    this.#server = Deno.serve(listen, (request) => this.#handle(request));
    this.realm = `${tls ? "https" : "http"}://127.0.0.1:${this.#server.addr.port}/token`;
  }

  use(token: string): Access[] | undefined {
    const grant = this.#grants.get(token);
    if (!grant || grant.usesLeft <= 0 || grant.expires < Date.now()) return undefined;
    grant.usesLeft--;
    return grant.access;
  }

  revokeAll(): void {
    this.#grants.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const form = new URLSearchParams(await request.text());
    const authorization = request.headers.get("authorization") ?? undefined;
    const record: TokenRequest = { method: request.method, query, form, authorization, status: 0 };
    this.requests.push(record);
    const response = request.method === "POST" ? this.#oauth(form) : this.#plain(query, authorization);
    record.status = response.status;
    return response;
  }

  #plain(query: URLSearchParams, authorization: string | undefined): Response {
    if (this.settings.refuseGet) return refusal(this.settings.refuseGet);
    if (authorization !== undefined && authorization !== basicAuthorization()) return refusal(401);
    const user = authorization && USER.username;
    if (user === undefined && !this.settings.anonymousPull) return refusal(401);
    return this.#grant({
      user,
      scopes: query.getAll("scope").flatMap((scope) => scope.split(" ")),
      offline: query.get("offline_token") === "true",
    });
  }

  #oauth(form: URLSearchParams): Response {
    if (this.settings.refusePost) return refusal(this.settings.refusePost);
    const known = form.get("grant_type") === "refresh_token"
      ? form.get("refresh_token") === this.refreshToken
      : form.get("grant_type") === "password" && form.get("username") === USER.username &&
        form.get("password") === USER.password;
    if (!known) return refusal(401);
    return this.#grant({
      user: USER.username,
      scopes: form.getAll("scope").flatMap((scope) => scope.split(" ")),
      offline: form.get("access_type") === "offline" || form.get("grant_type") === "refresh_token",
    });
  }

  #grant({ user, scopes, offline }: Asked): Response {
    const access = scopes.filter((scope) => scope !== "").map((scope) => allowed(scope, user));
    const now = Math.floor(Date.now() / 1000);
    const { lifetime, validFor = lifetime, uses = Infinity } = this.settings;
    const token = this.#makeToken({ sub: user ?? "", access, now, exp: now + validFor });
    this.#grants.set(token, { access, usesLeft: uses, expires: (now + validFor) * 1000 });
    return Response.json({
      token,
      access_token: token,
      expires_in: lifetime,
      issued_at: new Date(now * 1000).toISOString(),
      ...(offline && user !== undefined && { refresh_token: this.refreshToken }),
    });
  }

  #makeToken(claims: { sub: string; access: Access[]; now: number; exp: number }): string {
    const { service, issuer, sign } = this.settings;
    const { sub, access, now, exp } = claims;
    const jti = crypto.randomUUID();
    if (!sign) return `opaque-${jti}`;
    return sign({ iss: issuer, sub, aud: service, exp, nbf: Math.min(now, exp) - 10, iat: now, jti, access });
  }
}

/** What a scope such as `repository:me/files:pull,push` comes to: less than was asked is no error here. */
function allowed(scope: string, user: string | undefined): Access {
  const [type = "", ...rest] = scope.split(":");
  const asked = (rest.pop() ?? "").split(",");
  const actions = asked.filter((action) => user === undefined ? action === "pull" : ALL_ACTIONS.has(action));
  return { type, name: rest.join(":"), actions };
}

function refusal(status: number): Response {
  return Response.json({ errors: [{ code: "UNAUTHORIZED", message: "no token for you" }] }, { status });
}
