/** Answers a request for a file: ranges, conditions, and headers (RFC 9110). @module */
import type { Bytes, ByteStream } from "../../content/bytes.ts";
import { type JoinedPart, joinedStream } from "../../content/joined_stream.ts";
import { type ByteRange, bytesSource } from "../../content/source.ts";
import { rangesOf } from "../byte_ranges.ts";
import { isReading, readOnlyResponse, textResponse } from "../part.ts";
import { contentDisposition } from "./content_disposition.ts";
import { mediaTypeOf } from "./media_type_of.ts";
import type { OpenedRange, ServedFile } from "./served_file.ts";

/**
 * What a browser may do with a stored file that it shows: nothing but show it. Without this, a page that somebody has stored
 * could act in the name of whoever looks at it.
 */
const HARMLESS =
  "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; sandbox";

/**
 * Says whether the bytes of the answer are verified by a digest, `yes` or `no`: as they pass, or, of a file in a directory,
 * when it was read before and if it has not changed since.
 */
const VERIFIED = "layerstash-verified";

/** Answers GET and HEAD of a file. */
export async function fileResponse(request: Request, file: ServedFile): Promise<Response> {
  const { method, headers: asked } = request;
  if (!isReading(request)) return readOnlyResponse();
  const headers = headersOf(file);
  const met = conditionOf(asked, file);
  if (met !== undefined) return new Response(null, { status: met, headers });
  const ranges = isRangeWanted(asked, file) ? rangesOf(request, file.size) : undefined;
  if (ranges?.length === 0) {
    headers.set("content-range", `bytes */${file.size}`);
    return textResponse(416, "the range is not within the file", headers);
  }
  const answer = ranges && ranges.length > 1
    ? new SeveralRanges(file, ranges)
    : new OneRange(file, ranges?.[0]);
  answer.describe(headers);
  if (method === "HEAD") return new Response(null, { status: answer.status, headers });
  const { stream, isVerified } = await answer.open();
  headers.set(VERIFIED, isVerified ? "yes" : "no");
  return new Response(stream, { status: answer.status, headers });
}

function headersOf(file: ServedFile): Headers {
  return new Headers({
    "accept-ranges": "bytes",
    "cache-control": "no-cache, no-transform",
    "content-disposition": contentDisposition(file.name),
    "content-security-policy": HARMLESS,
    "content-type": mediaTypeOf(file.name),
    "etag": etagOf(file),
    "x-content-type-options": "nosniff",
    ...(file.modified && { "last-modified": file.modified.toUTCString() }),
  });
}

function etagOf({ tag }: ServedFile): string {
  return `"${tag}"`;
}

/** The status that conditions of the request lead to; `undefined` = the file is the answer (RFC 9110, section 13.2.2). */
function conditionOf(asked: Headers, file: ServedFile): 304 | 412 | undefined {
  const [match, none] = [asked.get("if-match"), asked.get("if-none-match")];
  if (match === null ? isNewer(file, asked.get("if-unmodified-since")) : !listHas(match, etagOf(file))) {
    return 412;
  }
  if (none !== null) return listHas(none.replaceAll("W/", ""), etagOf(file)) ? 304 : undefined;
  return isNewer(file, asked.get("if-modified-since")) === false ? 304 : undefined;
}

function listHas(list: string, etag: string): boolean {
  return list.split(",").map((each) => each.trim()).some((each) => each === "*" || each === etag);
}

/** Whether a file was modified after a date, which has no parts of a second; `undefined` if one of both is unknown. */
function isNewer({ modified }: ServedFile, header: string | null): boolean | undefined {
  const date = Date.parse(header ?? "");
  return modified && !isNaN(date) ? modified.getTime() >= date + 1000 : undefined;
}

/** Whether the file is still the one of which the client has a part. */
function isRangeWanted(asked: Headers, file: ServedFile): boolean {
  const condition = asked.get("if-range");
  return condition === null || condition === etagOf(file) || condition === file.modified?.toUTCString();
}

/** All of a file, or one range of it. */
class OneRange {
  readonly status: 200 | 206;
  readonly #file: ServedFile;
  readonly #range: ByteRange;

  constructor(file: ServedFile, range: ByteRange | undefined) {
    this.status = range ? 206 : 200;
    this.#file = file;
    this.#range = range ?? { start: 0, end: file.size };
  }

  describe(headers: Headers): void {
    const { start, end } = this.#range;
    headers.set("content-length", String(end - start));
    if (this.status === 206) headers.set("content-range", inWords(this.#range, this.#file));
  }

  async open(): Promise<OpenedRange> {
    return await this.#file.open(this.#range);
  }
}

/** Several ranges of a file, in an answer of several parts (RFC 9110, section 14.6). */
class SeveralRanges {
  readonly status = 206;
  readonly #file: ServedFile;
  /** Nobody knows it beforehand, and could store a file in which it ends a part. */
  readonly #boundary = crypto.randomUUID();
  readonly #parts: readonly { head: Bytes; range: ByteRange }[];
  readonly #end = new TextEncoder().encode(`\r\n--${this.#boundary}--\r\n`);

  constructor(file: ServedFile, ranges: readonly ByteRange[]) {
    this.#file = file;
    this.#parts = ranges.map((range) => ({ range, head: this.#headOf(range) }));
  }

  #headOf(range: ByteRange): Bytes {
    const lines = [
      `\r\n--${this.#boundary}`,
      `content-type: ${mediaTypeOf(this.#file.name)}`,
      `content-range: ${inWords(range, this.#file)}`,
      "\r\n",
    ];
    return new TextEncoder().encode(lines.join("\r\n"));
  }

  describe(headers: Headers): void {
    const sizes = this.#parts.map(({ head, range: { start, end } }) => head.length + end - start);
    headers.set("content-length", String(sizes.reduce((sum, size) => sum + size, this.#end.length)));
    headers.set("content-type", `multipart/byteranges; boundary=${this.#boundary}`);
  }

  async open(): Promise<OpenedRange> {
    const opened = await Promise.all(this.#parts.map(({ range }) => this.#file.open(range)));
    const parts = this.#parts.flatMap(({ head, range: { start, end } }, index) => [
      textPart(head),
      { size: end - start, open: () => opened[index]!.stream },
    ]);
    const stream: ByteStream = joinedStream([...parts, textPart(this.#end)]);
    return { stream, isVerified: opened.every(({ isVerified }) => isVerified) };
  }
}

function textPart(bytes: Bytes): JoinedPart {
  return { size: bytes.length, open: () => bytesSource(bytes).open() };
}

function inWords({ start, end }: ByteRange, { size }: ServedFile): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
