/** What docker's `config.json` and podman's `auth.json` look like. @module */
import * as v from "valibot";
import { LayerstashError } from "../errors.ts";

/** What is kept under one key of `auths`; an empty entry says that a helper program has the login. */
export interface AuthEntry {
  /** `user:password` in base64. */
  auth?: string | null | undefined;
  /** The user's name, where `auth` is absent. */
  username?: string | null | undefined;
  /** The password, where `auth` is absent. */
  password?: string | null | undefined;
  /** An OAuth2 refresh token. */
  identitytoken?: string | null | undefined;
  /** A bearer token that is sent as it is. */
  registrytoken?: string | null | undefined;
}

/** The fields that are about logins; what else the file says stays on the object, unread. */
export interface DockerConfig {
  /** Logins by host, by URL, or, for podman, by host with a path. */
  auths?: Record<string, AuthEntry | null> | null | undefined;
  /** The suffix of the helper program for single hosts. */
  credHelpers?: Record<string, string> | null | undefined;
  /** The suffix of the helper program for all hosts. */
  credsStore?: string | null | undefined;
}

/** A config with the name that messages call it by. */
export interface NamedConfig {
  /** The path of the file, or the name of the environment variable. */
  name: string;
  /** What it says. */
  config: DockerConfig;
}

const text = v.nullish(v.string());
const entrySchema = v.object({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
const configSchema = v.object({
  auths: v.nullish(v.record(v.string(), v.nullable(entrySchema))),
  credHelpers: v.nullish(v.record(v.string(), v.string())),
  credsStore: text,
});

/**
 * Reads a config; an empty text is an empty config, as for docker.
 *
 * @throws {LayerstashError} when it is not JSON, or a field that is about logins has the wrong type
 */
export function parseDockerConfig(json: string, name: string): NamedConfig {
  const value = parseJson(json, name);
  if (Array.isArray(value)) throw malformed(name, "it should be of type Object");
  const { issues } = v.safeParse(configSchema, value);
  // The value as parsed, not as valibot gives it: that lacks the unknown fields, which a rewrite has to keep.
  if (!issues) return { name, config: value as DockerConfig };
  throw malformed(name, `${v.getDotPath(issues[0]) ?? "it"} should be of type ${issues[0].expected}`);
}

/** The error for a config that cannot be used. The reason quotes nothing from it: that may be a secret. */
export function malformed(name: string, reason: string): LayerstashError {
  return new LayerstashError(`${name} is malformed: ${reason}`, {
    hint: "correct it, or move it away and sign in again",
  });
}

function parseJson(json: string, name: string): unknown {
  const bare = json.trim(); // It takes off a byte order mark too.
  try {
    return bare === "" ? {} : JSON.parse(bare);
  } catch {
    // Without the cause: V8 quotes the text around the fault.
    throw malformed(name, "it is not JSON");
  }
}
