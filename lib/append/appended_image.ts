/** Makes the config and the manifest of an image with one more layer, and preserves all other fields. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { counted, quoted } from "../messages.ts";
import { InvalidInputError, MismatchError } from "../errors.ts";
import type { Compression } from "../layers/compression.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { parseExactly } from "../oci/exact_json.ts";
import { type Manifest, manifestOf, parseAs } from "../oci/manifest.ts";
import { familyOf } from "../oci/manifest_family.ts";
import { type Family, IMAGE_CONFIG, IMAGE_LAYER } from "../oci/media_types.ts";
import type { MeasuredLayer } from "./measure_layer.ts";

/** The layer's entry in the image's history. */
export interface StepNote {
  /** The time, in RFC 3339; absent = the base's, so that the same input gives the same image. */
  created?: string | undefined;
  /** The command that made the layer. */
  createdBy: string;
}

/** A new image, to be stored. */
export interface NewImage {
  config: Bytes;
  manifest: Manifest;
}

const configSchema = v.looseObject({
  os: v.nullish(v.string()),
  created: v.nullish(v.string()),
  rootfs: v.looseObject({ diff_ids: v.nullish(v.array(v.string()), []) }), // docker leaves out an empty list
  history: v.nullish(v.array(v.looseObject({ empty_layer: v.nullish(v.boolean()) })), []),
  layerstash: v.optional(v.unknown()),
});
const manifestSchema = v.looseObject({
  config: v.looseObject({ mediaType: v.string() }),
  layers: v.nullish(v.array(v.unknown()), []),
});

/** The image to which a layer is appended. */
export interface BaseImage {
  manifest: Manifest;
  /** The bytes of its config blob. */
  config: Uint8Array;
}

/**
 * Checks that a layer can be appended to an image.
 *
 * @throws {InvalidInputError} if it is an artifact rather than an image, or is for Windows
 * @throws {MismatchError} if its config is malformed, or lists another number of layers than the manifest
 */
export function requireBase({ manifest, config }: BaseImage): void {
  const { layers, config: { mediaType } } = parseAs(
    manifestSchema,
    manifest.bytes,
    `manifest ${manifest.digest}`,
  );
  if (!isConfigOfImage(config)) throw notAnImageBase(manifest, mediaType);
  const { rootfs, os } = parseAs(configSchema, config, "config of the base");
  if (os === "windows") throw isForWindows(manifest);
  if (rootfs.diff_ids.length === layers.length) return;
  const listed = `lists ${counted(rootfs.diff_ids.length, "layer")}, but the manifest lists ${layers.length}`;
  throw new MismatchError(`the config of the base ${manifest.digest} ${listed}: no layer can be appended`);
}

/** Whether a config is an image's, even a malformed one. Artifacts have configs of any kind. */
function isConfigOfImage(config: Uint8Array): boolean {
  try {
    return JSON.parse(new TextDecoder().decode(config))?.rootfs !== undefined;
  } catch {
    return false;
  }
}

function notAnImageBase({ digest }: Manifest, mediaType: string): InvalidInputError {
  const what = `its config is ${quoted(mediaType)}, and lists no layers`;
  return new InvalidInputError(`no layer can be appended to ${digest}, which is not an image: ${what}`);
}

function isForWindows({ digest }: Manifest): InvalidInputError {
  const why = "Windows reads other layers, which have their files below Files/ and Hives/";
  return new InvalidInputError(`no layer can be appended to ${digest}, which is for Windows: ${why}`, {
    hint: "choose another image with --platform; crane append makes layers for Windows",
  });
}

/** Makes the image with the layer on top. */
export function withLayer(base: BaseImage, layer: MeasuredLayer, note: StepNote): NewImage {
  const config = configWith(base.config, layer.diffId, note);
  const { config: before, layers, ...rest } = parseAs(
    manifestSchema,
    base.manifest.bytes,
    "manifest",
    parseExactly,
  );
  const family = familyOf(base.manifest);
  const known = Object.values(IMAGE_CONFIG).includes(before.mediaType);
  const mediaType = known ? IMAGE_CONFIG[family] : before.mediaType;
  const changed = {
    ...rest,
    config: { mediaType, size: config.length, digest: digestOf(config) },
    layers: [...layers, layerDescriptor(layer, family)],
  };
  const bytes = new TextEncoder().encode(JSON.stringify(changed));
  return { config, manifest: manifestOf(bytes, base.manifest.mediaType) };
}

/** The layer's descriptor, with the media type of the family. */
function layerDescriptor(
  { compression, size, digest }: { compression: Compression; size: number; digest: Digest },
  family: Family,
) {
  return { mediaType: IMAGE_LAYER[family][compression], size, digest };
}

/** With a layer that may replace and hide its files, a folder is an image like others: what marks it as a folder goes. */
function configWith(config: Uint8Array, diffId: Digest, note: StepNote): Bytes {
  const { rootfs, history, layerstash: _, ...rest } = parseAs(configSchema, config, "config", parseExactly);
  const created = note.created ?? rest.created ?? undefined;
  const step = { ...(created && { created }), "created_by": note.createdBy };
  const before = completeHistory(history ?? [], rootfs.diff_ids.length, rest.created ?? created);
  const changed = {
    ...rest,
    ...(note.created && { created: note.created }),
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, diffId] },
    history: [...before, step],
  };
  return new TextEncoder().encode(JSON.stringify(changed));
}

/**
 * Adds missing steps to a history. Readers match steps to layers in order, so with too few the new step would be
 * matched to another layer. The added steps have a date because umoci rejects steps without one.
 */
function completeHistory(
  steps: readonly { empty_layer?: boolean | null }[],
  layers: number,
  created: string | undefined,
): unknown[] {
  const missing = layers - steps.filter((step) => !step.empty_layer).length;
  const unknown = { ...(created && { created }), "created_by": "unknown" };
  return [...steps, ...Array.from({ length: Math.max(0, missing) }, () => unknown)];
}

// Go's parser, which most readers use, accepts nothing else: neither lower case nor hour 24.
const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Checks a time in RFC 3339. With any other, programs could not read the image.
 *
 * @throws {InvalidInputError} if the text is not such a time
 */
export function checkTime(text: string): void {
  const [, day] = (typeof text === "string" && RFC_3339.exec(text)) || [];
  if (day && isDay(day) && !Number.isNaN(Date.parse(text))) return;
  throw new InvalidInputError(`${quoted(text)} is not a time`, {
    hint: "use RFC 3339, as in 2024-05-01T12:00:00Z",
  });
}

/** Whether a day exists: `Date` reads February 30 as March 1. */
function isDay(day: string): boolean {
  const date = new Date(day);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}
