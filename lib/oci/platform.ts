/** Platforms: for which system and processor an image is (OCI image spec, image-index.md). @module */
import * as v from "valibot";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";

/** A system and a processor. */
export interface Platform {
  /** As Go names it: `linux`, `windows`. */
  os: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
  /** Of the processor: `v7`. */
  variant?: string | undefined;
  /** Of the system, where images differ in it: Windows has many. */
  osVersion?: string | undefined;
}

/** A platform as it comes from outside. */
export const platformSchema: v.GenericSchema<unknown, Platform> = v.pipe(
  v.object({
    os: v.optional(v.string(), "unknown"),
    architecture: v.optional(v.string(), "unknown"),
    variant: v.optional(v.string()),
    "os.version": v.optional(v.string()),
  }),
  v.transform(({ os, architecture, variant, ...more }) => {
    return { os, architecture, variant: variant || undefined, osVersion: more["os.version"] };
  }),
);

/**
 * Reads `os/arch` or `os/arch/variant`.
 *
 * @throws {InvalidInputError} when it is neither
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...more] = typeof text === "string" ? text.split("/") : [];
  if (os && architecture && variant !== "" && more.length === 0) return { os, architecture, variant };
  throw new InvalidInputError(`${quoted(text)} is not a platform`, {
    hint: "use os/arch or os/arch/variant, as in linux/amd64 or linux/arm/v7",
  });
}

/** A platform as people write it: `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** Names for one and the same processor: what is written on the left may be left out. */
const USUAL_VARIANTS: Record<string, string> = { "arm64/v8": "arm64", "amd64/v1": "amd64", "arm/v7": "arm" };

/** Whether two platforms are the same, however they are written: `linux/arm64` is `linux/arm64/v8`. */
export function isSamePlatform(one: Platform, other: Platform): boolean {
  return canonical(one) === canonical(other);
}

function canonical({ os, architecture, variant }: Platform): string {
  const processor = variant === undefined ? architecture : `${architecture}/${variant}`;
  return `${os}/${USUAL_VARIANTS[processor] ?? processor}`;
}

/** The platform of containers on this machine: they are Linux nearly everywhere. */
export function defaultPlatform(): Platform {
  return { os: "linux", architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64" };
}
