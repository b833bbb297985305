/** Rows of tables of contents, and how they are parsed. @module */
import * as v from "valibot";
import { MismatchError } from "../errors.ts";

const count = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0);
const text = v.optional(v.string(), "");

/** Checks a row. */
export const rowSchema = v.object({
  type: v.string(),
  name: v.string(),
  linkName: text,
  size: count,
  modtime: text,
  mode: count,
  uid: count,
  gid: count,
  userName: text,
  groupName: text,
  devMajor: count,
  devMinor: count,
  xattrs: v.optional(v.record(v.string(), v.string())),
  digest: text,
  offset: count,
  endOffset: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  innerOffset: count,
  chunkOffset: count,
  chunkSize: count,
  chunkDigest: text,
  chunkType: text,
});

/** A row of a table: an entry with its first piece, or a further piece of the file before it. */
export type Row = v.InferOutput<typeof rowSchema>;

/**
 * Parses one row of a table that is read row by row, and whose digest is known. Checking it by the schema would take four times
 * as long.
 *
 * @throws {MismatchError} if it is malformed
 */
export function parseRow(json: string): Row {
  const usual = usualRow(json);
  if (usual) return usual;
  const row = { ...EMPTY_ROW, ...parseJson(json) };
  const isSound = TEXTS.every((key) => typeof row[key] === "string") &&
    COUNTS.every((key) => Number.isSafeInteger(row[key]) && row[key] >= 0);
  const { success } = row.xattrs ? v.safeParse(rowSchema, row) : { success: true };
  if (isSound && success) return row;
  throw new MismatchError("the table of contents is malformed: a row lacks something, or has something else");
}

/** A text without a character that JSON escapes. */
const PLAIN = String.raw`"([^"\\\0-\x1f]*)"`;
/** A number as JSON has it, so small that it is exact. */
const NUMBER = String.raw`(0|[1-9]\d{0,14})`;
/** A row as folders have it, in their order: most rows are so, and reading them as JSON takes four times as long. */
const USUAL_ROW = new RegExp(
  [
    `^\\{"name":${PLAIN},"type":"(\\w+)"(?:,"size":${NUMBER})?,"modtime":${PLAIN}`,
    `(?:,"linkName":${PLAIN})?,"mode":${NUMBER}(?:,"uid":${NUMBER},"gid":${NUMBER})?(?:,"offset":${NUMBER}`,
    `(?:,"digest":${PLAIN})?(?:,"chunkSize":${NUMBER})?,"chunkDigest":${PLAIN})?\\}$`,
  ].join(""),
);

function usualRow(json: string): Row | undefined {
  const found = USUAL_ROW.exec(json);
  if (!found) return undefined;
  return {
    type: found[2]!,
    name: found[1]!,
    linkName: found[5] ?? "",
    size: Number(found[3] ?? 0),
    modtime: found[4]!,
    mode: Number(found[6]),
    uid: Number(found[7] ?? 0),
    gid: Number(found[8] ?? 0),
    userName: "",
    groupName: "",
    devMajor: 0,
    devMinor: 0,
    xattrs: undefined,
    digest: found[10] ?? "",
    offset: Number(found[9] ?? 0),
    endOffset: undefined,
    innerOffset: 0,
    chunkOffset: 0,
    chunkSize: Number(found[11] ?? 0),
    chunkDigest: found[12] ?? "",
    chunkType: "",
  };
}

const TEXTS = [
  ...["type", "name", "linkName", "modtime", "userName", "groupName"] as const,
  ...["digest", "chunkDigest", "chunkType"] as const,
] as const;
const COUNTS = [
  ...["size", "mode", "uid", "gid", "devMajor", "devMinor", "offset", "innerOffset"] as const,
  ...["chunkOffset", "chunkSize"] as const,
] as const;
const EMPTY_ROW: Row = v.parse(rowSchema, { type: "", name: "" });

function parseJson(text: string): Partial<Row> {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MismatchError("the table of contents is malformed: a row is not JSON", { cause });
  }
}
