/** Reads configs of images: what to run, and how the image was built (OCI image spec, config.md). @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { annotationsSchema, type Descriptor, mapSchema } from "../oci/descriptor.ts";
import { parseAs } from "../oci/manifest.ts";
import type { Platform } from "../oci/platform.ts";
import { withEmbedded } from "../store/embedded.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";

/** One step of an image's build. */
export interface BuildStep {
  /** The command, as the builder recorded it. */
  createdBy: string;
  /** The time of the step, in RFC 3339; absent if unknown. */
  created?: string | undefined;
  /** The builder's comment. */
  comment?: string | undefined;
  /** Whether the step made no layer. */
  empty: boolean;
}

/** The config of an image. */
export interface ImageConfig {
  /** The platform that it runs on; absent if the config names none, as for artifacts. */
  platform?: Platform | undefined;
  /** The time of the build, in RFC 3339. */
  created?: string | undefined;
  /** The author of the image. */
  author?: string | undefined;
  /** Labels: free text by key. */
  labels: Record<string, string>;
  /** Environment variables as `NAME=value`, in order. */
  env: string[];
  /** The program and its first arguments. */
  entrypoint: string[];
  /** The program, or further arguments of the entrypoint. */
  cmd: string[];
  /** The user that it runs as; empty = root. */
  user: string;
  /** The working directory; empty = the root directory. */
  workingDir: string;
  /** The exposed ports, such as `80/tcp`. */
  exposedPorts: string[];
  /** Directories whose content outlives a container. */
  volumes: string[];
  /** The signal that stops it; empty = the engine's default. */
  stopSignal: string;
  /** The digests of the uncompressed layers, the base first. */
  diffIds: string[];
  /** The steps of the build, in order. */
  history: BuildStep[];
}

/** The largest config that is read, in bytes. Those of real images have some KiB. */
export const MAX_CONFIG_SIZE: number = 8 * 1024 * 1024;

const text = v.nullish(v.string(), "");
const texts = v.nullish(v.array(v.string()), []);
const keys = v.nullish(mapSchema, {});
const configSchema = v.object({
  os: text,
  architecture: text,
  variant: v.nullish(v.string()),
  "os.version": v.nullish(v.string()),
  created: v.nullish(v.string()),
  author: v.nullish(v.string()),
  config: v.nullish(v.object({
    Labels: annotationsSchema,
    Env: texts,
    Entrypoint: texts,
    Cmd: texts,
    User: text,
    WorkingDir: text,
    ExposedPorts: keys,
    Volumes: keys,
    StopSignal: text,
  })),
  rootfs: v.nullish(v.object({ diff_ids: texts })),
  history: v.nullish(
    v.array(v.object({
      created: v.nullish(v.string()),
      created_by: text,
      comment: v.nullish(v.string()),
      empty_layer: v.nullish(v.boolean(), false),
    })),
    [],
  ),
});

/**
 * The bytes of the config that a manifest lists, verified. It may be that of an image or of an artifact.
 *
 * @param what names it in messages
 * @throws {MismatchError} if it is too large, or has another digest
 * @throws {NotFoundError} if the blob does not exist
 */
export async function readConfigBytes(
  store: BlobReader,
  config: Descriptor,
  options: CallOptions,
  what = "the config",
): Promise<Bytes> {
  if (config.size > MAX_CONFIG_SIZE) {
    throw new MismatchError(`${what} has ${config.size} bytes; at most ${MAX_CONFIG_SIZE} are read`);
  }
  return await receiveSmall(withEmbedded(store, config), config, options);
}

/**
 * Reads and verifies the config of an image.
 *
 * @throws {MismatchError} if it is too large, has another digest, or is not a config
 * @throws {NotFoundError} if the blob does not exist
 */
export async function readConfig(
  store: BlobReader,
  config: Descriptor,
  options: CallOptions,
): Promise<ImageConfig> {
  return configOf(parseAs(configSchema, await readConfigBytes(store, config, options), "config"));
}

function configOf(raw: v.InferOutput<typeof configSchema>): ImageConfig {
  const { os, architecture, variant, created, author, config, rootfs, history } = raw;
  const osVersion = raw["os.version"];
  return {
    ...((os || architecture) && {
      platform: {
        os: os || "unknown",
        architecture: architecture || "unknown",
        ...(variant && { variant }),
        ...(osVersion && { osVersion }),
      },
    }),
    ...(created && { created }),
    ...(author && { author }),
    labels: config?.Labels ?? {},
    env: config?.Env ?? [],
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    user: config?.User ?? "",
    workingDir: config?.WorkingDir ?? "",
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    volumes: Object.keys(config?.Volumes ?? {}),
    stopSignal: config?.StopSignal ?? "",
    diffIds: rootfs?.diff_ids ?? [],
    history: history.map(({ created, created_by: createdBy, comment, empty_layer: empty }) => ({
      createdBy,
      ...(created && { created }),
      ...(comment && { comment }),
      empty,
    })),
  };
}
