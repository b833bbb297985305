/** Chooses the proxy for a request by the environment's variables. @module */
import { InvalidInputError } from "../errors.ts";
import { isLoopback } from "../oci/registry_address.ts";
import { addressBits, isInNetwork } from "./networks.ts";

/** The environment's variables. */
export type ProxyEnv = Record<string, string | undefined>;

/** The schemes of URLs that requests go to. */
export type Scheme = "http:" | "https:";

/** Whether a variable names a proxy, of whatever kind. */
export function namesProxy(env: ProxyEnv): boolean {
  return ["http_proxy", "https_proxy", "all_proxy"].some((name) => valueOf(env, name) !== undefined);
}

/** Whether `ALL_PROXY` names a proxy that is passed over, because it is of another kind, such as SOCKS. */
export function passesOverProxy(env: ProxyEnv): boolean {
  const all = valueOf(env, "all_proxy");
  return all !== undefined && isOtherKind(all);
}

function isOtherKind(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !/^https?:/i.test(text);
}

/**
 * The proxy for a URL; `undefined` = none. As for curl and docker, variables in lower case come first, `ALL_PROXY` comes
 * last, and a proxy without a scheme is an http one. `ALL_PROXY` is for all programs and so may name a proxy of another
 * kind: that is passed over.
 *
 * @throws {InvalidInputError} if the variable for the scheme names a proxy of another kind
 */
export function proxyOf(url: URL, env: ProxyEnv): string | undefined {
  const text = proxyText(url.protocol as Scheme, env);
  if (text === undefined || bypassesProxy(url, env)) return undefined;
  const proxy = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (proxy?.hostname && /^https?:$/.test(proxy.protocol)) return proxy.href;
  // The text is not shown: it may hold a password.
  throw new InvalidInputError(`the environment names a proxy for ${url.protocol}// that cannot be used`, {
    hint: "name an http proxy, as in HTTPS_PROXY=http://proxy.example.com:3128, or the registry in NO_PROXY",
  });
}

function proxyText(scheme: Scheme, env: ProxyEnv): string | undefined {
  const name = scheme === "https:" ? "https_proxy" : "http_proxy";
  return valueOf(env, name) ?? (passesOverProxy(env) ? undefined : valueOf(env, "all_proxy"));
}

/**
 * Whether requests to a URL bypass the proxy: to this machine, and to what `NO_PROXY` names. That is `*`, or hosts with
 * their subdomains (`example.com`, `.example.com`, `*.example.com`), or addresses, with a port or without; or networks
 * (`10.0.0.0/8`, `fd12::/16`).
 */
function bypassesProxy(url: URL, env: ProxyEnv): boolean {
  if (isLoopback(url.hostname)) return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return (valueOf(env, "no_proxy") ?? "").toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === "*" || isInNetwork(url.hostname, entry)) return true;
    if (addressBits(entry) !== undefined) return false; // an IPv6 address ends with no port
    const [, host = "", only = port] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    return host !== "" && only === port && (url.hostname === host || url.hostname.endsWith(`.${host}`));
  });
}

function valueOf(env: ProxyEnv, name: string): string | undefined {
  return env[name]?.trim() || env[name.toUpperCase()]?.trim() || undefined;
}
