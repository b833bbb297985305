/** The arguments and options that name blobs. @module */
import { Argument, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { BlobName } from "../../blobs/named_blobs.ts";
import { collect, collectFile } from "../../content/collect.ts";
import { readError } from "../../content/file_errors.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../../errors.ts";
import { parseBlobName } from "../../exports/blobs.ts";
import { manifestOf } from "../../exports/store.ts";
import { isTag } from "../../oci/reference.ts";
import { declaredMediaType, type Manifest, MAX_MANIFEST_SIZE } from "../../oci/manifest.ts";

/** `DIGEST|@ALIAS...` */
export function blobsArgument() {
  return new Argument("[blob...]", "digests (sha256:...), or @ALIAS for all blobs of an alias")
    .argParser((text: string, earlier: BlobName[] | undefined) => [...earlier ?? [], parseBlob(text)]);
}

function parseBlob(text: string): BlobName {
  return readBlobName(text, (problem) => {
    throw new InvalidArgumentError(problem);
  });
}

/** Whether a word is meant as the name of blobs, and not as an address. */
export function isBlobName(word: string): boolean {
  return /^@|^sha\d+:/.test(word);
}

/** Reads the name of a blob, or reports that it is not one. */
export function readBlobName(text: string, refuse: (problem: string) => never): BlobName {
  try {
    return parseBlobName(text);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    const hint = isTag(text) ? `did you mean @${text}?` : error.hint;
    return refuse(`${error.message}: ${hint}`);
  }
}

/** `--manifest`. */
export function manifestOption() {
  return new Option("--manifest <file>", "a manifest in place of names; - is standard input");
}

/**
 * The names from the command line, or the manifest that `--manifest` gives in their place.
 *
 * @throws {InvalidInputError} if there is neither or both
 */
export async function namesOrManifest<N extends string>(
  names: readonly N[],
  file: string | undefined,
  kind: "blob" | "alias" = "blob",
): Promise<readonly (N | Manifest)[]> {
  if ((names.length > 0) !== (file !== undefined)) {
    return file === undefined ? names : [await readManifest(file)];
  }
  throw new InvalidInputError(
    names.length > 0 ? "names and --manifest cannot be combined" : `no ${kind} is named`,
    {
      hint: `name ${
        kind === "blob" ? "blobs" : "an alias"
      }, or give a manifest with --manifest FILE (- is standard input)`,
    },
  );
}

async function readManifest(file: string): Promise<Manifest> {
  const bytes =
    await (file === "-"
      ? collect(Deno.stdin.readable, MAX_MANIFEST_SIZE)
      : collectFile(file, MAX_MANIFEST_SIZE)).catch((error) => {
        if (!(error instanceof MismatchError)) throw readError(error, file);
        throw new InvalidInputError(`this is not a manifest: it has more than ${MAX_MANIFEST_SIZE} bytes`);
      });
  return manifestOf(bytes, declaredMediaType(bytes) ?? "");
}
