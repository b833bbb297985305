/** Finds keys of JSON objects that readers disagree on. @module */
import type * as v from "valibot";

/** What is read of a schema of valibot, whose kinds have these fields. */
interface Shape {
  type: string;
  entries?: Readonly<Record<string, Shape>>;
  item?: Shape;
  wrapped?: Shape;
}

/**
 * Finds a key that differs only in case from a field that the schema has, such as `Layers` beside `layers`; `undefined` if
 * there is none. Go's encoding/json, with which container engines read manifests, takes both for one field, and the last
 * counts; for most other readers the key means nothing. So one manifest could be two images.
 *
 * Keys of maps, such as annotations, are not fields, and may differ in anything.
 */
export function ambiguousKey(schema: v.GenericSchema, value: unknown): string | undefined {
  return findAmbiguous(schema as unknown as Shape, value);
}

function findAmbiguous(shape: Shape, value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (shape.wrapped) return findAmbiguous(shape.wrapped, value);
  if (Array.isArray(value)) return shape.item && firstOf(value, (each) => findAmbiguous(shape.item!, each));
  const { entries } = shape;
  if (!entries) return undefined;
  return ambiguousIn(entries, value) ??
    firstOf(Object.entries(entries), ([field, inner]) => findAmbiguous(inner, (value as Fields)[field]));
}

type Fields = Record<string, unknown>;

function ambiguousIn(entries: Readonly<Record<string, Shape>>, value: object): string | undefined {
  const others = Object.keys(value).filter((key) => !Object.hasOwn(entries, key));
  if (others.length === 0) return undefined;
  const fields = new Set(Object.keys(entries).map(folded));
  return others.find((key) => fields.has(folded(key)));
}

/** A key without its case, also of the Kelvin sign and the long s, as Go folds it. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
