/** Describes an image with one layer more: its config and its manifest, and what is not ours in them as it was. @module */
import * as v from "valibot";
import { counted, quoted } from "../messages.ts";
import { InvalidInputError, MismatchError } from "../errors.ts";
import type { Compression } from "../layers/compression.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { type Manifest, manifestOf, parseAs } from "../oci/manifest.ts";
import { type Family, IMAGE_CONFIG, IMAGE_LAYER, IMAGE_MANIFEST } from "../oci/media_types.ts";
import type { MeasuredLayer } from "./measure_layer.ts";

/** What is said of the layer in the image's history. */
export interface StepNote {
  /** When it was made, in RFC 3339; absent = when the base was made: the same input then gives the same image. */
  created?: string | undefined;
  /** The command that made it. */
  createdBy: string;
}

/** An image as it is to be stored. */
export interface NewImage {
  config: Uint8Array<ArrayBuffer>;
  manifest: Manifest;
}

const configSchema = v.looseObject({
  created: v.nullish(v.string()),
  rootfs: v.looseObject({ diff_ids: v.array(v.string()) }),
  history: v.nullish(v.array(v.looseObject({ empty_layer: v.nullish(v.boolean()) })), []),
});
const manifestSchema = v.looseObject({
  config: v.looseObject({ mediaType: v.string() }),
  layers: v.array(v.unknown()),
});

/** What the base is of, and so what is put on it. */
export function familyOf({ mediaType }: Manifest): Family {
  return mediaType === IMAGE_MANIFEST.docker ? "docker" : "oci";
}

/** What is there to build on. */
export interface BaseImage {
  manifest: Manifest;
  /** The bytes of its config. */
  config: Uint8Array;
}

/**
 * Makes sure that an image can have another layer.
 *
 * @throws {InvalidInputError} when it is no image, but an artifact
 * @throws {MismatchError} when its config is malformed, or tells of other layers than the manifest
 */
export function requireBase({ manifest, config }: BaseImage): void {
  const { layers, config: { mediaType } } = parseAs(
    manifestSchema,
    manifest.bytes,
    `manifest ${manifest.digest}`,
  );
  if (!isImageConfig(config)) throw noImage(manifest, mediaType);
  const { rootfs } = parseAs(configSchema, config, "config of the base");
  if (rootfs.diff_ids.length === layers.length) return;
  const told = `tells of ${counted(rootfs.diff_ids.length, "layer")}, the image has ${layers.length}`;
  throw new MismatchError(`the config of the base ${manifest.digest} ${told}: nothing can be built on it`);
}

/** Whether a config is that of an image, be it malformed: artifacts have configs of any kind. */
function isImageConfig(config: Uint8Array): boolean {
  try {
    return JSON.parse(new TextDecoder().decode(config))?.rootfs !== undefined;
  } catch {
    return false;
  }
}

function noImage({ digest }: Manifest, mediaType: string): InvalidInputError {
  const what = `its config is ${quoted(mediaType)}, and tells of no layers`;
  return new InvalidInputError(`the base ${digest} is no image that can have another layer: ${what}`);
}

/** The image with the layer on top. */
export function withLayer(base: BaseImage, layer: MeasuredLayer, note: StepNote): NewImage {
  const config = configWith(base.config, layer.diffId, note);
  const { config: before, layers, ...rest } = parseAs(manifestSchema, base.manifest.bytes, "manifest");
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

/** The layer as a manifest of the family lists it. */
function layerDescriptor(
  { compression, size, digest }: { compression: Compression; size: number; digest: Digest },
  family: Family,
) {
  return { mediaType: IMAGE_LAYER[family][compression], size, digest };
}

function configWith(config: Uint8Array, diffId: Digest, note: StepNote): Uint8Array<ArrayBuffer> {
  const { rootfs, history, ...rest } = parseAs(configSchema, config, "config");
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
 * Readers match steps to layers from the first on: where there are too few, the new one would be taken for another. umoci
 * does not bear steps without a date.
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
