/** Platforms, and which image of an index is for one. @module */
import * as v from "valibot";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { type Descriptor, descriptorSchema } from "../oci/descriptor.ts";
import { type Manifest, parseAs } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { quoted } from "../oci/reference.ts";

/** What a system must be to run an image (OCI image spec, image-index.md). */
export interface Platform {
  /** Such as `linux`. */
  os: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
  /** Of the processor, such as `v7`. */
  variant?: string | undefined;
}

/** One image of an index. */
export interface PlatformImage extends Descriptor {
  /** Absent where the index does not say. */
  platform?: Platform | undefined;
}

const platformSchema = v.object({
  os: v.optional(v.string(), ""),
  architecture: v.optional(v.string(), ""),
  variant: v.optional(v.string()),
});
const indexSchema = v.object({
  manifests: v.array(v.object({ ...descriptorSchema.entries, platform: v.nullish(platformSchema) })),
});

/** Whether a manifest is an index of images. */
export function isIndex({ mediaType }: Pick<Manifest, "mediaType">): boolean {
  return Object.values(IMAGE_INDEX).includes(mediaType);
}

/**
 * The images that an index lists, also those that are no images but notes to one (attestations).
 *
 * @throws {MismatchError} when it is malformed
 */
export function readIndex({ bytes, digest }: Manifest): PlatformImage[] {
  const { manifests } = parseAs(indexSchema, bytes, `index ${digest}`);
  return manifests.map(({ platform, ...rest }) => ({ ...rest, ...(platform && { platform }) }));
}

/** Whether it can be run: builders put notes beside images, for a platform that does not exist. */
export function isRunnable({ platform, annotations }: PlatformImage): boolean {
  return platform?.architecture !== "unknown" && annotations?.["vnd.docker.reference.type"] === undefined;
}

/**
 * Reads `os/architecture` or `os/architecture/variant`.
 *
 * @throws {InvalidInputError} when it is none
 */
export function parsePlatform(text: string): Platform {
  const [os = "", architecture = "", variant, ...more] = text.split("/");
  if (!os || !architecture || variant === "" || more.length > 0) {
    throw new InvalidInputError(`${quoted(text)} is not a platform`, {
      hint: "use os/architecture, such as linux/amd64 or linux/arm/v7",
    });
  }
  return { os, architecture, variant };
}

/** A platform as people write it; `?` for what is not known. */
export function formatPlatform(platform: Platform | undefined): string {
  if (!platform) return "?";
  const { os, architecture, variant } = platform;
  return [os || "?", architecture || "?", ...(variant ? [variant] : [])].join("/");
}

/** The platform of containers on this machine: they are Linux nearly everywhere. */
export function defaultPlatform(): Platform {
  return { os: "linux", architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64" };
}

/**
 * The image for a platform. Where no variant is asked for, the highest is taken.
 *
 * @throws {NotFoundError} when there is none; the hint names those that there are
 */
export function choosePlatform(images: readonly PlatformImage[], wanted: Platform): PlatformImage {
  const fitting = images.filter(({ platform }) => platform && fits(platform, wanted));
  const [best] = fitting.sort((a, b) => variantOf(b.platform!).localeCompare(variantOf(a.platform!), "en"));
  if (best) return best;
  const there = [...new Set(images.filter(isRunnable).map(({ platform }) => formatPlatform(platform)))];
  throw new NotFoundError(`there is no image for ${formatPlatform(wanted)} in the index`, {
    hint: there.length > 0 ? `choose one with --platform: ${there.join(", ")}` : "the index lists no images",
  });
}

function fits(platform: Platform, wanted: Platform): boolean {
  return platform.os === wanted.os && platform.architecture === wanted.architecture &&
    (wanted.variant === undefined || variantOf(platform) === variantOf(wanted));
}

/** arm64 is v8, and arm without a word is v7, as containerd has it. */
function variantOf({ architecture, variant }: Platform): string {
  return variant ?? (architecture === "arm64" ? "v8" : architecture === "arm" ? "v7" : "");
}
