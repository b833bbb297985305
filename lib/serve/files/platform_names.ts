/** Names of one image of an index in paths: `1.2@linux-arm64` is what the tag `1.2` has for linux/arm64. @module */
import { byPlatform } from "../../images/platforms.ts";
import type { IndexedManifest } from "../../oci/image_index.ts";

/** What a name in the path of a repository stands for. */
export interface NamedThing {
  /** A tag, a digest, or the name of a stored file. */
  reference: string;
  /** The platform of the image, as `--platform` takes it; absent = the usual one. */
  platform?: string | undefined;
}

const PLATFORM = /^(.+)@([^@-]+-[^@:-]+(?:-[^@:-]+)?(?::[^@]+)?)$/s;

/** Reads a name. Tags have no `@`, and platforms no `-`, except in the version of their system. */
export function thingNamed(name: string): NamedThing {
  const [, reference, words = ""] = PLATFORM.exec(name) ?? [];
  if (reference === undefined) return { reference: name };
  const [system = "", ...version] = words.split(":");
  return { reference, platform: [system.replaceAll("-", "/"), ...version].join(":") };
}

/** One image of an index, as a page offers it. */
export interface NamedPlatform {
  /** Such as `linux/arm/v7`. */
  platform: string;
  /** The name in the path: that of the index with its platform, or its digest where another has the same platform. */
  name: string;
  image: IndexedManifest;
}

/** The images of an index by their platforms, in alphabetical order. */
export function namedPlatforms(images: readonly IndexedManifest[], reference: string): NamedPlatform[] {
  return Array.from(byPlatform(images), ([platform, image]) => {
    const name = `${reference}@${platform.replaceAll("/", "-")}`;
    const leadsBack = thingNamed(name).platform === platform;
    return { platform, name: leadsBack ? name : image.digest, image };
  });
}
