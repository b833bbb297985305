/** Manifests: their exact bytes, and what image manifests list (OCI image spec, manifest.md). @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { annotationsSchema, type Descriptor, descriptorSchema } from "./descriptor.ts";
import { quoted } from "../messages.ts";
import { type Digest, digestOf, type DigestOptions, isDigest } from "./digest.ts";
import { ambiguousKey } from "./exact_keys.ts";
import { ARTIFACT_MANIFEST, IMAGE_MANIFEST, MANIFEST_TYPES, SCHEMA_1 } from "./media_types.ts";

/** The largest manifest that registries accept and that layerstash reads, in bytes. */
export const MAX_MANIFEST_SIZE: number = 4 * 1024 * 1024;

/** A manifest exactly as it is stored. */
export interface Manifest {
  /** One of docker's or OCI's manifest types. */
  mediaType: string;
  /** The digest of `bytes`. */
  digest: Digest;
  /** The JSON text, byte for byte. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The digest that it goes by in the store, where it was decrypted; absent = `digest`. */
  storedAs?: Digest | undefined;
  /** Then: the digests under which its layers are stored, in order. */
  storedLayers?: readonly { digest: Digest }[] | undefined;
}

const manifestSchema = v.object({
  mediaType: v.string(),
  digest: v.custom<Digest>(isDigest),
  bytes: v.instance(Uint8Array),
});

/** Whether a value has the shape of a manifest. The digest is not compared with the bytes. */
export function isManifest(value: unknown): value is Manifest {
  return v.is(manifestSchema, value);
}

/** A layer that an image manifest lists. */
export interface ListedLayer extends Descriptor {
  /** Where else the layer is. A registry need not have such a layer: those of old Windows images were stored by Microsoft. */
  urls?: string[] | undefined;
}

/** What an image manifest lists. */
export interface ImageManifest {
  /** The config blob. */
  config: Descriptor;
  /** The layers, the base first. */
  layers: ListedLayer[];
  /** The media type of an artifact, which is a manifest that describes something other than an image. */
  artifactType?: string | undefined;
  /** Free text by key. */
  annotations?: Record<string, string> | undefined;
}

const layerSchema = v.object({
  ...descriptorSchema.entries,
  urls: v.optional(v.pipe(
    v.nullish(v.array(v.string())),
    v.transform((urls) => urls?.length ? urls : undefined),
  )),
});

const imageManifestSchema = v.object({
  schemaVersion: v.literal(2),
  config: descriptorSchema,
  mediaType: v.optional(v.unknown()),
  subject: v.optional(v.unknown()),
  layers: v.nullish(v.array(layerSchema), []), // an image need not have one, and Go then writes null
  artifactType: v.fallback(v.optional(v.string()), undefined),
  annotations: v.fallback(annotationsSchema, undefined),
});

/**
 * Makes a manifest of its bytes and its media type, and computes the digest.
 *
 * @example
 * ```ts
 * import { manifestOf } from "@layerstash/cli/store";
 *
 * const bytes = new TextEncoder().encode(`{"schemaVersion":2}`);
 * const { digest } = manifestOf(bytes, "application/vnd.oci.image.manifest.v1+json");
 * if (!digest.startsWith("sha256:")) throw new Error("unexpected digest");
 * ```
 */
export function manifestOf(
  bytes: Uint8Array<ArrayBuffer>,
  mediaType: string,
  options?: DigestOptions,
): Manifest {
  return { mediaType, digest: digestOf(bytes, options), bytes };
}

/**
 * Makes a manifest whose bytes are the value as compact JSON.
 *
 * @example Store an image without layers
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { bytesSource, encodeManifest } from "@layerstash/cli/store";
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
 * The field `mediaType` of a manifest; `undefined` where it is missing, as OCI allows.
 *
 * @throws {MismatchError} if the bytes are not JSON
 */
export function declaredMediaType(bytes: Uint8Array): string | undefined {
  const value = parseJson(bytes, "manifest");
  const declared = (value as { mediaType?: unknown } | null)?.mediaType;
  return typeof declared === "string" ? declared : undefined;
}

/**
 * Reads an image manifest, OCI's or docker's. The field `mediaType` may be missing.
 *
 * @throws {MismatchError} if it is not JSON, is of another kind, or lacks a field of an image manifest
 */
export function readImageManifest(manifest: Manifest): ImageManifest {
  const known = MANIFEST_TYPES.includes(manifest.mediaType);
  if (known && !Object.values(IMAGE_MANIFEST).includes(manifest.mediaType)) {
    throw new MismatchError(`the manifest ${manifest.digest} is an index of images (${manifest.mediaType})`);
  }
  if (manifest.mediaType === ARTIFACT_MANIFEST) {
    throw new MismatchError(
      `the manifest ${manifest.digest} is not an image: it is an artifact manifest of OCI`,
      {
        hint: "copy takes it as it is, and manifest shows it",
      },
    );
  }
  if (SCHEMA_1.includes(manifest.mediaType)) {
    throw new MismatchError(
      `the manifest ${manifest.digest} is of docker's schema 1, which is not supported`,
      {
        hint: "convert it, as in: skopeo copy --format oci docker://IMAGE oci:DIR:TAG",
      },
    );
  }
  return parseAs(imageManifestSchema, manifest.bytes, `manifest ${manifest.digest}`);
}

/**
 * Parses JSON from outside into the shape that a schema describes.
 *
 * @param what names it in messages
 * @param parse parses the text; {@link parseExactly} where it will be written again
 * @throws {MismatchError} if it is not JSON or has another shape, in which case the message names the first wrong field; or
 *   has a key that some readers take for a field, and others do not
 */
export function parseAs<T>(
  schema: v.GenericSchema<unknown, T>,
  bytes: Uint8Array,
  what: string,
  parse?: (text: string) => unknown,
): T {
  // Stop at the first fault: valibot allocates an object for each, and a hostile answer may have a million.
  const value = parseJson(bytes, what, parse);
  const result = v.safeParse(schema, value, { abortEarly: true });
  const ambiguous = ambiguousKey(schema, value);
  if (ambiguous !== undefined) {
    const key = quoted(ambiguous.slice(0, MAX_PATH_LENGTH));
    throw new MismatchError(`the ${what} is ambiguous: it has the key ${key}, whose case is wrong`);
  }
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = (v.getDotPath(issue) ?? "it").slice(0, MAX_PATH_LENGTH);
  throw new MismatchError(`the ${what} is malformed: ${path}: ${withoutValue(issue.message)}`);
}

/** How much of a field's path a message shows, in characters. Keys of maps come from outside and may be huge. */
const MAX_PATH_LENGTH = 100;

/** Removes the received value from valibot's message: it may be a secret, or as long as the whole text. */
function withoutValue(message: string): string {
  return message.replace(/(?: but received|: Received) .*$/s, "");
}

function parseJson(
  bytes: Uint8Array,
  what: string,
  parse: (text: string) => unknown = JSON.parse,
): unknown {
  try {
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // No `cause`: V8's message quotes the text around the fault, which may be a token.
    throw new MismatchError(`the ${what} is not JSON`);
  }
}
