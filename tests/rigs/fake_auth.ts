/** Who may do what at the fake registry. @module */
import type { Fake } from "./fake.ts";
import type { Exchange } from "./fake_exchange.ts";
import type { Access } from "./token_server.ts";
import { basicAuthorization } from "./user.ts";

const ACTIONS: Record<string, string[]> = { GET: ["pull"], HEAD: ["pull"], DELETE: ["delete"] };

/** Whether a request may pass; one that may not is answered with a challenge. */
export function isAllowed(fake: Fake, exchange: Exchange, repository: string | undefined): boolean {
  const challenge = (exchange: Exchange, header: string) => demandSignIn(fake, exchange, header);
  const authorization = exchange.header("authorization");
  if (fake.auth === "none") return true;
  if (fake.auth === "basic") {
    return authorization === basicAuthorization() || challenge(exchange, 'Basic realm="the fake registry"');
  }
  const needed = needs(exchange, repository);
  const [, token] = /^Bearer (.+)$/.exec(authorization ?? "") ?? [];
  const access = token === undefined ? undefined : fake.tokens?.use(token);
  if (access && needed.every((need) => isCovered(need, access))) return true;
  const problem = access ? "insufficient_scope" : token === undefined ? undefined : "invalid_token";
  return challenge(exchange, bearer(fake, needed, problem));
}

function needs(exchange: Exchange, repository: string | undefined): Access[] {
  const path = exchange.url.pathname;
  if (path === "/v2/_catalog") return [{ type: "registry", name: "catalog", actions: ["*"] }];
  if (repository === undefined) return [];
  return [{ type: "repository", name: repository, actions: ACTIONS[exchange.method] ?? ["pull", "push"] }];
}

function isCovered(need: Access, access: Access[]): boolean {
  const given = access.filter(({ type, name }) => type === need.type && name === need.name);
  return need.actions.every((action) => given.some(({ actions }) => actions.includes(action)));
}

function bearer(fake: Fake, needed: Access[], problem: string | undefined): string {
  const scope = needed.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`).join(" ");
  const parts = { realm: fake.tokens?.realm, service: fake.tokens?.settings.service, scope, error: problem };
  const told = Object.entries(parts).filter(([, value]) => value);
  return `Bearer ${told.map(([name, value]) => `${name}="${value}"`).join(",")}`;
}

function demandSignIn(fake: Fake, exchange: Exchange, header: string): false {
  const body = JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] });
  const says = !fake.faults.challengeAtBase || exchange.url.pathname === "/v2/";
  exchange.answer(
    401,
    { "content-type": "application/json", ...(says && { "www-authenticate": header }) },
    body,
  );
  return false;
}
