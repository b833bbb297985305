/** Platforms: the operating system and the processor that an image runs on (OCI image spec, image-index.md). @module */
import * as v from "valibot";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";

/** An operating system and a processor. */
export interface Platform {
  /** The operating system by Go's name (`GOOS`): `linux`, `windows`. */
  os: string;
  /** The processor by Go's name (`GOARCH`): `amd64`, `arm64`. */
  architecture: string;
  /** The variant of the processor, such as `v7`. */
  variant?: string | undefined;
  /** The version of the operating system. Windows images differ in it. */
  osVersion?: string | undefined;
}

const text = v.nullish(v.string());

/** Validates a platform that comes from outside. Go writes an empty text or `null` for a field that has no value. */
export const platformSchema: v.GenericSchema<unknown, Platform> = v.pipe(
  v.object({
    os: text,
    architecture: text,
    variant: text,
    "os.version": text,
  }),
  v.transform(({ os, architecture, variant, ...more }) => ({
    os: os || "unknown",
    architecture: architecture || "unknown",
    variant: variant || undefined,
    osVersion: more["os.version"] || undefined,
  })),
);

/**
 * Reads `os/arch` or `os/arch/variant`, perhaps with a version of the system after a colon: `windows/amd64:10.0.20348.2227`.
 *
 * @throws {InvalidInputError} if the text has neither form
 */
export function parsePlatform(text: string): Platform {
  const [, name = "", osVersion] = (typeof text === "string" && /^([^:]*)(?::(.+))?$/s.exec(text)) || [];
  const [os, architecture, variant, ...more] = name.split("/");
  if (os && architecture && variant !== "" && more.length === 0) {
    return { os, architecture, variant, ...(osVersion !== undefined && { osVersion }) };
  }
  throw new InvalidInputError(`${quoted(text)} is not a platform`, {
    hint:
      "use os/arch or os/arch/variant, as in linux/amd64 or linux/arm/v7; windows/amd64:VERSION for a version",
  });
}

/** A platform in the notation of {@link parsePlatform}, without the version of the system: `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** A platform in the notation of {@link parsePlatform}, with the version of the system where there is one. */
export function formatVersionedPlatform(platform: Platform): string {
  const { osVersion } = platform;
  return formatPlatform(platform) + (osVersion === undefined ? "" : `:${osVersion}`);
}

/** Processors with two names: that with the default variant, and that by which it usually goes. */
const USUAL_VARIANTS: Record<string, string> = { "arm64/v8": "arm64", "amd64/v1": "amd64", "arm/v7": "arm" };

/** Whether two platforms are the same although their names may differ: `linux/arm64` is `linux/arm64/v8`. */
export function isSamePlatform(one: Platform, other: Platform): boolean {
  return canonical(one) === canonical(other);
}

function canonical({ os, architecture, variant }: Platform): string {
  const processor = variant === undefined ? architecture : `${architecture}/${variant}`;
  return `${os}/${USUAL_VARIANTS[processor] ?? processor}`;
}

/** The default platform: Linux, as containers are nearly everywhere, on this machine's processor. */
export function defaultPlatform(): Platform {
  return { os: "linux", architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64" };
}
