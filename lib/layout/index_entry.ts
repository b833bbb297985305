/** The entries of `index.json`, and the names that they give to manifests (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import { InvalidInputError } from "../errors.ts";
import { annotationsSchema, type SizedBlob } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import { formatPlatform, type Platform, platformSchema } from "../oci/platform.ts";

/** The annotation that holds the tag of an entry. */
const REF_NAME = "org.opencontainers.image.ref.name";
/** The annotation that holds the full name of an image, beside its bare tag: docker and containerd write it. */
const IMAGE_NAME = "io.containerd.image.name";

/** A manifest that the layout lists. */
export interface IndexEntry extends SizedBlob {
  mediaType?: string | undefined;
  /** The tag; podman and skopeo write full names here, and OCI allows any text. */
  tag?: string | undefined;
  /** The full name of the image where docker or containerd has written it. */
  imageName?: string | undefined;
  platform?: Platform | undefined;
  /** The entry as it is in the file. */
  raw: unknown;
}

const entrySchema = v.object({
  mediaType: v.nullish(v.string()),
  digest: v.custom<Digest>(isDigest),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: annotationsSchema,
  platform: v.fallback(v.nullish(platformSchema), undefined),
});

/** The entries that are understood. Others, such as those with other digests than sha256, are passed over. */
export function entriesOf(manifests: readonly unknown[]): IndexEntry[] {
  return manifests.flatMap((raw) => {
    if (!isDigest((raw as { digest?: unknown } | null)?.digest)) return []; // at once: there may be millions
    const { success, output } = v.safeParse(entrySchema, raw);
    if (!success) return [];
    const { mediaType, digest, size, annotations, platform } = output;
    return [{
      mediaType: mediaType || undefined,
      digest,
      size,
      tag: annotations?.[REF_NAME],
      imageName: annotations?.[IMAGE_NAME],
      platform: platform ?? undefined,
      raw,
    }];
  });
}

/** Makes the entry of a manifest. It gets the names of the entry that it replaces. */
export function entryFor(
  { mediaType, digest, bytes: { length: size } }: Manifest,
  { tag, imageName }: Pick<IndexEntry, "tag" | "imageName">,
): IndexEntry {
  const annotations = {
    ...(tag !== undefined && { [REF_NAME]: tag }),
    ...(imageName !== undefined && { [IMAGE_NAME]: imageName }),
  };
  const raw = { mediaType, digest, size, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return { mediaType, digest, size, tag, imageName, raw };
}

/**
 * The entries that have a digest, a tag, or else a full name. A tag that looks like a digest, as other tools may write
 * it, does not count.
 */
export function entriesNamed(entries: readonly IndexEntry[], reference: string): IndexEntry[] {
  if (isDigest(reference)) return entries.filter(({ digest }) => digest === reference);
  if (typeof reference !== "string") return [];
  const tagged = entries.filter(({ tag }) => tag === reference);
  return tagged.length > 0 ? tagged : entries.filter(({ imageName }) => imageName === reference);
}

/**
 * Makes sure that entries of one name are one image: docker gives the tag `latest` to each image that it saves, and
 * entries of one tag may be images for several platforms.
 *
 * @param named the entries that have the name
 * @throws {InvalidInputError} if they are several images; the message says how each can be named
 */
export function requireOneImage(
  named: readonly IndexEntry[],
  { reference, store, isWrite }: { reference: string; store: string; isWrite?: boolean },
): void {
  if (isDigest(reference)) return;
  const images = new Set(named.map(({ digest, imageName }) => `${digest} ${isWrite ? imageName : ""}`));
  if (images.size <= 1) return;
  const names = new Set(
    named.map(({ digest, imageName, platform }) =>
      imageName ?? (platform ? `${digest} (${formatPlatform(platform)})` : digest)
    ),
  );
  const [first] = named;
  const example = first?.imageName === undefined ? `@${first?.digest}` : `:${first.imageName}`;
  throw new InvalidInputError(`${reference} means several images in ${store}: ${[...names].join(", ")}`, {
    hint: isWrite ? "choose another tag" : `name one of them, as in ${store}${example}`,
  });
}

/**
 * The names that lead to one image each, sorted: tags, and full names where several images have one tag or the image has
 * no tag.
 */
export function uniqueNames(entries: readonly IndexEntry[]): string[] {
  const ambiguous = ambiguousTags(entries);
  const names = entries.map((entry) => nameOf(entry, ambiguous));
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** The digests of images that have no such name. */
export function namelessImages(entries: readonly IndexEntry[]): Digest[] {
  const ambiguous = ambiguousTags(entries);
  const nameless = entries.filter((entry) => nameOf(entry, ambiguous) === undefined);
  return [...new Set(nameless.map(({ digest }) => digest))];
}

function nameOf({ tag, imageName }: IndexEntry, ambiguous: ReadonlySet<string>): string | undefined {
  return tag !== undefined && !ambiguous.has(tag) ? tag : imageName;
}

function ambiguousTags(entries: readonly IndexEntry[]): Set<string> {
  const digests = new Map<string, Digest>();
  const ambiguous = new Set<string>();
  for (const { tag, digest } of entries) {
    if (tag === undefined) continue;
    if ((digests.get(tag) ?? digest) !== digest) ambiguous.add(tag);
    digests.set(tag, digest);
  }
  return ambiguous;
}
