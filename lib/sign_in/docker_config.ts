/** Parses docker's `config.json` and podman's `auth.json`. @module */
import * as v from "valibot";
import { LayerstashError } from "../errors.ts";

/** The login under one key of `auths`. An empty entry means that a helper program keeps it. */
export interface AuthEntry {
  /** `user:password` in base64. */
  auth?: string | null | undefined;
  /** The user's name, used if `auth` is absent. */
  username?: string | null | undefined;
  /** The password, used if `auth` is absent. */
  password?: string | null | undefined;
  /** An OAuth2 refresh token. */
  identitytoken?: string | null | undefined;
  /** A bearer token that is sent unchanged. */
  registrytoken?: string | null | undefined;
}

/** The fields about logins. The object has the file's other fields, too, so that rewriting the file keeps them. */
export interface DockerConfig {
  /** Logins by host, by URL, or, for podman, by host with a path. */
  auths?: Record<string, AuthEntry | null> | null | undefined;
  /** The suffix of the helper program by host. */
  credHelpers?: Record<string, string | null> | null | undefined;
  /** The suffix of the helper program for all hosts. */
  credsStore?: string | null | undefined;
}

/** A config and its name for messages. */
export interface NamedConfig {
  /** The path of the file, or the name of the environment variable. */
  name: string;
  /** Its content. */
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
  credHelpers: v.nullish(v.record(v.string(), v.nullable(v.string()))),
  credsStore: text,
});

/**
 * Parses a config. Empty text is an empty config, as for docker.
 *
 * @throws {LayerstashError} if it is not JSON, or a field about logins has the wrong type
 */
export function parseDockerConfig(json: string, name: string): NamedConfig {
  const value = parseConfigJson(json, name);
  if (Array.isArray(value)) throw malformedConfig(name, "it should be of type Object");
  const { issues } = v.safeParse(configSchema, value);
  // The parsed value rather than valibot's output, which lacks the unknown fields that a rewrite has to keep.
  if (!issues) return { name, config: value as DockerConfig };
  throw malformedConfig(name, `${v.getDotPath(issues[0]) ?? "it"} should be of type ${issues[0].expected}`);
}

/** The error for a malformed config. The reason must not quote the config: it contains secrets. */
export function malformedConfig(name: string, reason: string): LayerstashError {
  return new LayerstashError(`${name} is malformed: ${reason}`, {
    hint: "correct it, or move it away and sign in again",
  });
}

function parseConfigJson(json: string, name: string): unknown {
  const bare = json.trim(); // also removes a byte order mark
  try {
    return bare === "" ? {} : JSON.parse(bare);
  } catch {
    // No `cause`: V8's message quotes the text around the fault.
    throw malformedConfig(name, "it is not JSON");
  }
}
