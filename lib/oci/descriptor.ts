/** Descriptors: the media type, digest and size of a blob or a manifest (OCI image spec, descriptor.md). @module */
import * as v from "valibot";
import { type Digest, isDigest } from "./digest.ts";

/** A blob by its digest and size. */
export interface SizedBlob {
  /** The digest of the bytes. */
  digest: Digest;
  /** The number of bytes. */
  size: number;
}

/** A reference to a blob or a manifest. */
export interface Descriptor {
  /** The media type, such as `application/octet-stream`. */
  mediaType: string;
  /** The digest of the bytes. */
  digest: Digest;
  /** The number of bytes. */
  size: number;
  /** Free text by key, such as `org.opencontainers.image.ref.name`. */
  annotations?: Record<string, string> | undefined;
  /** The bytes in base64, where the manifest carries those of a small blob itself. They are not checked. */
  data?: string | undefined;
}

/** The annotation with the name of a file (OCI image spec, annotations.md). */
export const TITLE = "org.opencontainers.image.title";

/** The file name that a blob had, as oras and others note it; `undefined` if it has none. Nobody has checked it. */
export function titleOf({ annotations }: Pick<Descriptor, "annotations">): string | undefined {
  return annotations?.[TITLE] || undefined;
}

/** A JSON object whose keys are free. Of a record, valibot would drop keys such as `constructor`. */
export const mapSchema: v.GenericSchema<unknown, Record<string, unknown>> = v.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "Expected Object",
);

/** The type of {@link annotationsSchema}. */
export type AnnotationsSchema = v.OptionalSchema<
  v.GenericSchema<unknown, Record<string, string> | undefined>,
  undefined
>;

/**
 * Validates annotations that come from outside. Go writes `null` where it has none. A value that is not a text counts as
 * absent: one odd annotation does not make the rest unreadable.
 */
export const annotationsSchema: AnnotationsSchema = v.optional(v.pipe(
  v.nullish(mapSchema),
  v.transform((given) => {
    if (!given) return undefined;
    const texts = Object.entries(given).filter((each): each is [string, string] =>
      typeof each[1] === "string"
    );
    return Object.fromEntries(texts);
  }),
));

/** The type of {@link descriptorSchema}; its `v.InferOutput` is {@link Descriptor}. */
export type DescriptorSchema = v.ObjectSchema<{
  readonly mediaType: v.GenericSchema<unknown, string>;
  readonly digest: v.GenericSchema<unknown, Digest>;
  readonly size: v.GenericSchema<unknown, number>;
  readonly annotations: AnnotationsSchema;
  readonly data: v.OptionalSchema<v.GenericSchema<unknown, string | undefined>, undefined>;
}, undefined>;

/** Validates a descriptor that comes from outside; unknown fields are dropped. */
export const descriptorSchema: DescriptorSchema = v.object({
  mediaType: v.string(),
  digest: v.custom<Digest>(isDigest, "is not a sha256 or sha512 digest"),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: annotationsSchema,
  data: v.optional(
    v.pipe(v.unknown(), v.transform((given) => typeof given === "string" ? given : undefined)),
  ),
});

/** Descriptors or manifests without repetitions: each digest once, in the order of first appearance. */
export function distinct<T extends { digest: Digest }>(all: readonly T[]): T[] {
  return [...new Map(all.map((each) => [each.digest, each])).values()];
}

/** The sum of sizes. */
export function totalSize(all: readonly { size: number }[]): number {
  return all.reduce((sum, { size }) => sum + size, 0);
}
