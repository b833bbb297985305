/** The configs of images: what to run, and how the image was built (OCI image spec, config.md). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseAs } from "../oci/manifest.ts";
import type { Platform } from "../oci/platform.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";

/** One step of the build. */
export interface BuildStep {
  /** The command, as the builder wrote it. */
  createdBy: string;
  /** RFC 3339; absent where it is not known. */
  created?: string | undefined;
  /** What the builder had to say. */
  comment?: string | undefined;
  /** Set where the step has made no layer. */
  empty: boolean;
}

/** What the config of an image says. */
export interface ImageConfig {
  /** What it runs on; absent where that is not said, as in what is no real image (an artifact). */
  platform?: Platform | undefined;
  /** When it was built, in RFC 3339. */
  created?: string | undefined;
  /** Who built it. */
  author?: string | undefined;
  /** Free text by key. */
  labels: Record<string, string>;
  /** `NAME=value`, in order. */
  env: string[];
  /** The program that is run, and its first arguments. */
  entrypoint: string[];
  /** The program, or arguments of the entrypoint. */
  cmd: string[];
  /** Whom it runs as; empty = root. */
  user: string;
  /** Where it runs; empty = the root. */
  workingDir: string;
  /** Such as `80/tcp`. */
  exposedPorts: string[];
  /** Directories whose content outlives a container. */
  volumes: string[];
  /** What ends it; empty = the usual. */
  stopSignal: string;
  /** The digests of the unpacked layers, base first. */
  diffIds: string[];
  /** The steps of the build, the first one first. */
  history: BuildStep[];
}

/** The largest config that is read, in bytes. Those of real images have some KiB. */
export const MAX_CONFIG_SIZE: number = 8 * 1024 * 1024;

const text = v.nullish(v.string(), "");
const texts = v.nullish(v.array(v.string()), []);
const keys = v.nullish(v.record(v.string(), v.unknown()), {});
const configSchema = v.object({
  os: text,
  architecture: text,
  variant: v.nullish(v.string()),
  created: v.nullish(v.string()),
  author: v.nullish(v.string()),
  config: v.nullish(v.object({
    Labels: v.nullish(v.record(v.string(), v.string()), {}),
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
 * Reads the config of an image, verified.
 *
 * @throws {MismatchError} when it is too large, has another digest, or is no config
 * @throws {NotFoundError} when it is absent
 */
export async function readConfig(
  store: Store,
  config: Descriptor,
  options: CallOptions,
): Promise<ImageConfig> {
  if (config.size > MAX_CONFIG_SIZE) {
    throw new MismatchError(`the config has ${config.size} bytes, ${MAX_CONFIG_SIZE} are read at most`);
  }
  const bytes = await receiveSmall(store, config, options);
  return configOf(parseAs(configSchema, bytes, "config"));
}

function configOf(raw: v.InferOutput<typeof configSchema>): ImageConfig {
  const { os, architecture, variant, created, author, config, rootfs, history } = raw;
  return {
    ...((os || architecture) && {
      platform: { os: os || "unknown", architecture: architecture || "unknown", ...(variant && { variant }) },
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
