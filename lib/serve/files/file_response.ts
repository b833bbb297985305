/** Answers a request for a file: ranges, conditions, and headers (RFC 9110). @module */
import type { Bytes, ByteStream } from "../../content/bytes.ts";
import { type JoinedPart, joinedStream } from "../../content/joined_stream.ts";
import { type ByteRange, bytesSource } from "../../content/source.ts";
import { contentRange, rangesOf } from "../byte_ranges.ts";
import { statusOfConditions, type Version } from "../conditions.ts";
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
  const version = { etag: `"${file.tag}"`, modified: file.modified };
  const headers = headersOf(file, version);
  const met = statusOfConditions(asked, version);
  if (met !== undefined) return new Response(null, { status: met, headers });
  const ranges = rangesOf(request, { size: file.size, ...version });
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

function headersOf(file: ServedFile, { etag, modified }: Version): Headers {
  return new Headers({
    "accept-ranges": "bytes",
    "cache-control": "no-cache, no-transform",
    "content-disposition": contentDisposition(file.name),
    "content-security-policy": HARMLESS,
    "content-type": mediaTypeOf(file.name),
    etag,
    "x-content-type-options": "nosniff",
    ...(modified && { "last-modified": modified.toUTCString() }),
  });
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
    if (this.status === 206) headers.set("content-range", contentRange(this.#range, this.#file.size));
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
      `content-range: ${contentRange(range, this.#file.size)}`,
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
