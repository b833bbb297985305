/** Describes an image, with the steps of its build. @module */
import { counted } from "../messages.ts";
import { MismatchError } from "../errors.ts";
import { type Descriptor, totalSize } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { IndexedManifest } from "../oci/image_index.ts";
import type { StoreReader } from "../store/store.ts";
import type { Image, ImageOptions, Layer } from "./image.ts";
import { type BuildStep, type ImageConfig, readConfig } from "./image_config.ts";

/** The description of an image. */
export interface ImageReport {
  /** The digest of the manifest. */
  digest: Digest;
  /** The media type of the manifest. */
  mediaType: string;
  /** The media type of an artifact, which is a manifest that describes something other than an image. */
  artifactType?: string | undefined;
  /** The digest of the index from which it was chosen; absent if there is none. */
  index?: Digest | undefined;
  /** The images of the index; empty if there is no index. */
  platforms: IndexedManifest[];
  /** The compressed size of all layers, in bytes. */
  size: number;
  /** The config blob. */
  config: Descriptor;
  /** The content of the config; absent if it is not an image's config. */
  about?: ImageConfig | undefined;
  /** The layers, the base first. */
  layers: ReportedLayer[];
  /** The steps of the build, each with the number of the layer that it made. */
  steps: (BuildStep & { layer?: number })[];
}

/** A layer, and the step that made it. */
export interface ReportedLayer extends Layer {
  /** The digest of the uncompressed layer. */
  diffId?: string | undefined;
  /** The command that made it. */
  createdBy?: string | undefined;
}

/**
 * Describes an image. If the config is not an image's, as for artifacts, it is omitted, and a notice says so.
 *
 * @throws {NotFoundError} if the config blob does not exist
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
      `the history lists ${
        counted(made.length, "layer")
      }, but the image has ${layers.length}: steps may be shown with wrong layers`,
    );
  }
  return {
    digest: manifest.storedAs ?? manifest.digest,
    mediaType: manifest.mediaType,
    ...(artifactType && { artifactType }),
    ...(index && { index: index.digest }),
    platforms,
    size: totalSize(layers),
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

/** Matches the steps to layers: those that are not empty have made the layers, in order. */
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
