/** Manifests: the bytes as the registry keeps them, and what image manifests say. @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { type Digest, digestOf, isDigest } from "./digest.ts";
import { IMAGE_MANIFEST, MANIFEST_TYPES } from "./media_types.ts";

/** The largest manifest that registries take and that layerstash reads, in bytes. */
export const MAX_MANIFEST_SIZE: number = 4 * 1024 * 1024;

/** A manifest exactly as it is stored: its digest is that of the bytes. */
export interface Manifest {
  /** One of docker's or OCI's manifest types. */
  mediaType: string;
  /** The digest of `bytes`. */
  digest: Digest;
  /** The JSON text, to the byte. */
  bytes: Uint8Array<ArrayBuffer>;
}

const manifestSchema = v.object({
  mediaType: v.string(),
  digest: v.custom<Digest>(isDigest),
  bytes: v.instance(Uint8Array),
});

/** Whether a value has the shape of a manifest; whether the digest is that of the bytes is another question. */
export function isManifest(value: unknown): value is Manifest {
  return v.is(manifestSchema, value);
}

/** What an image manifest lists. */
export interface ImageManifest {
  /** The config blob. */
  config: Descriptor;
  /** The layers, base first. */
  layers: Descriptor[];
  /** What it is, where it is no real image (an artifact): a media type. */
  artifactType?: string | undefined;
}

const imageManifestSchema = v.object({
  schemaVersion: v.literal(2),
  config: descriptorSchema,
  layers: v.array(descriptorSchema),
  artifactType: v.fallback(v.optional(v.string()), undefined),
});

/**
 * Makes the manifest that holds these bytes.
 *
 * @example
 * ```ts
 * import { manifestOf } from "@layerstash/cli";
 *
 * const bytes = new TextEncoder().encode(`{"schemaVersion":2}`);
 * const { digest } = manifestOf(bytes, "application/vnd.oci.image.manifest.v1+json");
 * if (!digest.startsWith("sha256:")) throw new Error("unexpected digest");
 * ```
 */
export function manifestOf(bytes: Uint8Array<ArrayBuffer>, mediaType: string): Manifest {
  return { mediaType, digest: digestOf(bytes), bytes };
}

/**
 * Makes the manifest whose bytes are the value as compact JSON.
 *
 * @example Store an image without layers
 * ```ts
 * import { bytesSource, encodeManifest, openStore } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const config = await store.write(bytesSource(new TextEncoder().encode("{}")));
 * const mediaType = "application/vnd.oci.image.manifest.v1+json";
 * const manifest = encodeManifest({ schemaVersion: 2, mediaType, config, layers: [] });
 * await store.putManifest("empty", manifest);
 * if (await store.resolve("empty") !== manifest.digest) throw new Error("unexpected digest");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function encodeManifest(value: { mediaType: string; [field: string]: unknown }): Manifest {
  return manifestOf(new TextEncoder().encode(JSON.stringify(value)), value.mediaType);
}

/**
 * The media type that a manifest declares of itself; `undefined` where it declares none, as OCI manifests may.
 *
 * @throws {MismatchError} when the bytes are not a JSON object
 */
export function declaredMediaType(bytes: Uint8Array): string | undefined {
  const value = parseJson(bytes, "manifest");
  const declared = (value as { mediaType?: unknown } | null)?.mediaType;
  return typeof declared === "string" ? declared : undefined;
}

/**
 * Reads an image manifest of either family; a missing `mediaType` is no fault.
 *
 * @throws {MismatchError} when it is not JSON, is another kind of manifest, or lacks what an image has
 */
export function readImageManifest(manifest: Manifest): ImageManifest {
  const known = MANIFEST_TYPES.includes(manifest.mediaType);
  if (known && !Object.values(IMAGE_MANIFEST).includes(manifest.mediaType)) {
    throw new MismatchError(`the manifest ${manifest.digest} is an index of images (${manifest.mediaType})`);
  }
  return parseAs(imageManifestSchema, manifest.bytes, `manifest ${manifest.digest}`);
}

/** What a manifest of any kind points to. */
export interface References {
  /** The config and the layers, without those that are kept elsewhere (`urls`). */
  blobs: Digest[];
  /** The manifests that an index lists. */
  manifests: Digest[];
}

const referencesSchema = v.object({
  config: v.optional(descriptorSchema),
  layers: v.optional(
    v.array(v.object({ ...descriptorSchema.entries, urls: v.optional(v.array(v.string())) })),
    [],
  ),
  manifests: v.optional(v.array(descriptorSchema), []),
});

/**
 * Everything that a manifest or an index points to.
 *
 * @throws {MismatchError} when it is malformed
 */
export function referencesOf(bytes: Uint8Array): References {
  const { manifests } = parseAs(referencesSchema, bytes, "manifest");
  return {
    blobs: listedBlobs(bytes).map(({ digest }) => digest),
    manifests: manifests.map(({ digest }) => digest),
  };
}

/**
 * The config and the layers that a manifest lists, without those that are kept elsewhere (`urls`).
 *
 * @throws {MismatchError} when it is malformed
 */
export function listedBlobs(bytes: Uint8Array): Descriptor[] {
  const { config, layers } = parseAs(referencesSchema, bytes, "manifest");
  return [...(config ? [config] : []), ...layers.filter((layer) => !layer.urls?.length)];
}

/**
 * Parses JSON from outside into the shape that a schema describes.
 *
 * @throws {MismatchError} when it is not JSON or has another shape; the message names the first field at fault
 */
export function parseAs<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array, what: string): T {
  // The first fault is enough: who sends a million faults would get an object of ours for each.
  const result = v.safeParse(schema, parseJson(bytes, what), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = (v.getDotPath(issue) ?? "it").slice(0, LONGEST_PATH);
  throw new MismatchError(`the ${what} is malformed: ${path}: ${withoutValue(issue.message)}`);
}

/** The keys of maps come from outside, and may be as long as the whole text. */
const LONGEST_PATH = 100;

/** A message without what was found: that may be a secret, or as long as the whole text. */
function withoutValue(message: string): string {
  return message.replace(/(?: but received|: Received) .*$/s, "");
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // Without the cause: V8 quotes the text around the fault, and that may be a token.
    throw new MismatchError(`the ${what} is not JSON`);
  }
}
