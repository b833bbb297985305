/** Tells what is known of an image, with the steps of its build. @module */
import { counted } from "../messages.ts";
import { MismatchError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { IndexedManifest } from "../oci/image_index.ts";
import type { StoreReader } from "../store/store.ts";
import type { Image, ImageOptions, Layer } from "./image.ts";
import { type BuildStep, type ImageConfig, readConfig } from "./image_config.ts";

/** What is known of an image. */
export interface ImageReport {
  /** The digest of the manifest. */
  digest: Digest;
  /** The media type of the manifest. */
  mediaType: string;
  /** What it is, where it is no real image (an artifact): a media type. */
  artifactType?: string | undefined;
  /** The digest of the index that it is from; absent where there is none. */
  index?: Digest | undefined;
  /** What the index lists; empty where there is none. */
  platforms: IndexedManifest[];
  /** The bytes of all layers, as they are packed. */
  size: number;
  /** The config blob. */
  config: Descriptor;
  /** What the config says; absent where it is no image's config. */
  about?: ImageConfig | undefined;
  /** Base first. */
  layers: ReportedLayer[];
  /** The steps of the build, each with the number of the layer that it made. */
  steps: (BuildStep & { layer?: number })[];
}

/** A layer, and how it came to be. */
export interface ReportedLayer extends Layer {
  /** The digest of the unpacked layer. */
  diffId?: string | undefined;
  /** The step that made it. */
  createdBy?: string | undefined;
}

/**
 * Tells what is known of an image. The config of what is no real image (an artifact) is left out, with an event.
 *
 * @throws {NotFoundError} when the config is absent
 */
export async function describeImage(
  store: StoreReader,
  image: Image,
  options: ImageOptions = {},
): Promise<ImageReport> {
  const { manifest, artifactType, index, platforms, config, layers } = image;
  const notice = (message: string) => (options.onEvent ?? store.onEvent)?.({ type: "notice", message });
  const about = await readConfig(store, config, options).catch((error) => {
    if (!(error instanceof MismatchError)) throw error;
    notice(`the image has no readable config: ${error.message}`);
  });
  const steps = matchSteps(about?.history ?? []);
  const made = steps.filter(({ layer }) => layer !== undefined);
  if (about && made.length > 0 && made.length !== layers.length) {
    notice(
      `the history tells of ${
        counted(made.length, "layer")
      }, the image has ${layers.length}: steps may be told of wrongly`,
    );
  }
  return {
    digest: manifest.digest,
    mediaType: manifest.mediaType,
    ...(artifactType && { artifactType }),
    ...(index && { index: index.digest }),
    platforms,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    config,
    ...(about && { about }),
    layers: layers.map((layer) => ({
      ...layer,
      ...diffIdOf(about, layer),
      ...createdByOf(made, layer),
    })),
    steps,
  };
}

/** Steps that are not empty have made the layers, in order, from the base. */
function matchSteps(history: readonly BuildStep[]): (BuildStep & { layer?: number })[] {
  let layer = 0;
  return history.map((step) => step.empty ? step : { ...step, layer: ++layer });
}

function diffIdOf(about: ImageConfig | void, { number }: Layer): { diffId?: string } {
  const diffId = about?.diffIds[number - 1];
  return diffId === undefined ? {} : { diffId };
}

function createdByOf(
  made: { layer?: number; createdBy: string }[],
  { number }: Layer,
): { createdBy?: string } {
  const step = made.find(({ layer }) => layer === number);
  return step ? { createdBy: step.createdBy } : {};
}
