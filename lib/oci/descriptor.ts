/** Descriptors: what a blob or manifest is, how it is named and how large it is (OCI image spec, descriptor.md). @module */
import * as v from "valibot";
import { type Digest, isDigest } from "./digest.ts";

/** Points to a blob or a manifest. */
export interface Descriptor {
  /** The media type, such as `application/octet-stream`. */
  mediaType: string;
  /** The sha256 digest of the bytes. */
  digest: Digest;
  /** The number of bytes. */
  size: number;
  /** Free text by key, such as `org.opencontainers.image.ref.name`. */
  annotations?: Record<string, string> | undefined;
}

/** The schema's type; `v.InferOutput` of it is {@link Descriptor}. */
export type DescriptorSchema = v.ObjectSchema<{
  readonly mediaType: v.GenericSchema<unknown, string>;
  readonly digest: v.GenericSchema<unknown, Digest>;
  readonly size: v.GenericSchema<unknown, number>;
  readonly annotations: v.OptionalSchema<v.GenericSchema<unknown, Record<string, string>>, undefined>;
}, undefined>;

/** A descriptor as it comes from outside; unknown fields are let through and dropped. */
export const descriptorSchema: DescriptorSchema = v.object({
  mediaType: v.string(),
  digest: v.custom<Digest>(isDigest, "is not a sha256 digest"),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: v.optional(v.record(v.string(), v.string())),
});

/** Each once. */
export function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((each) => [each.digest, each])).values()];
}
