/** Names of blobs and aliases as they are typed, and answers about them as they are printed. @module */
import { Argument, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { type BlobName, parseBlobName } from "../blobs/named_blobs.ts";
import { collect, collectFile } from "../content/collect.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../errors.ts";
import { type ByPlatform, isByPlatform } from "../images/platforms.ts";
import { declaredMediaType, type Manifest, manifestOf, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { fileError } from "../files/input.ts";
import { jsonLine } from "./json_events.ts";
import { printable } from "./terminal/progress_bar.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** `DIGEST|@ALIAS...` */
export function blobsArgument() {
  return new Argument("[blob...]", "digests (sha256:...), or @ALIAS for all blobs of an alias")
    .argParser((text: string, earlier: BlobName[] | undefined) => [...earlier ?? [], blobName(text)]);
}

function blobName(text: string): BlobName {
  try {
    return parseBlobName(text);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    throw new InvalidArgumentError(`${error.message}; ${error.hint}`);
  }
}

/** `--manifest`. */
export function manifestOption() {
  return new Option("--manifest <file>", "a manifest in place of names; - is standard input");
}

/**
 * What is asked about: what was named, or the manifest.
 *
 * @throws {InvalidInputError} when there is neither or both
 */
export async function namesOrManifest<N extends string>(
  names: readonly N[],
  file: string | undefined,
): Promise<readonly (N | Manifest)[]> {
  if ((names.length > 0) !== (file !== undefined)) {
    return file === undefined ? names : [await readManifest(file)];
  }
  throw new InvalidInputError(
    names.length > 0 ? "names and --manifest exclude each other" : "nothing is named",
    {
      hint: "name what is wanted, or give its manifest with --manifest FILE (- is standard input)",
    },
  );
}

async function readManifest(file: string): Promise<Manifest> {
  const bytes =
    await (file === "-"
      ? collect(Deno.stdin.readable, MAX_MANIFEST_SIZE)
      : collectFile(file, MAX_MANIFEST_SIZE)).catch((error) => {
        if (!(error instanceof MismatchError)) throw fileError(error, file);
        throw new InvalidInputError(`this is no manifest: it has more than ${MAX_MANIFEST_SIZE} bytes`);
      });
  return manifestOf(bytes, declaredMediaType(bytes) ?? "");
}

/** An answer as dxf prints it: as it is, or one JSON object by platform. */
export function renderAnswer<T>(answer: ByPlatform<T>, render: (value: T) => string): string {
  return isByPlatform(answer) ? jsonLine(plain(answer)) : render(answer);
}

/** An answer for JSON. */
export function plain<T>(answer: ByPlatform<T>): T | Record<string, T> {
  return isByPlatform(answer) ? Object.fromEntries(answer) : answer;
}

/** Values, one a line. */
export function lines(values: readonly (string | number)[]): string {
  return values.map((value) => `${printable(String(value))}\n`).join("");
}

/** Prints names as they come: one a line, or as one JSON array. */
export async function printNames(
  terminal: Terminal,
  names: AsyncIterable<string>,
  { json }: { json?: boolean | string | undefined },
): Promise<void> {
  let count = 0;
  for await (const name of names) {
    terminal.data(json ? `${count === 0 ? "[" : ",\n"}${jsonLine(name).trimEnd()}` : lines([name]));
    count++;
  }
  if (json) terminal.data(count === 0 ? "[]\n" : "]\n");
}
