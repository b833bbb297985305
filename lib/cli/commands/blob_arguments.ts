/** The arguments and options that name blobs and aliases. @module */
import { Argument, Option } from "@commander-js/extra-typings";
import type { BlobName } from "../../blobs/named_blobs.ts";
import { collect, collectFile } from "../../content/collect.ts";
import { readError } from "../../content/file_errors.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../../errors.ts";
import { parseBlobName } from "../../exports/blobs.ts";
import { manifestOf } from "../../exports/store.ts";
import { isDigest } from "../../oci/digest.ts";
import { isTag } from "../../oci/reference.ts";
import { declaredMediaType, type Manifest, MAX_MANIFEST_SIZE } from "../../oci/manifest.ts";
import { type ParsedCommand, type PlaceFlags, refusalOf, type Refuse, type WithPlace } from "../place.ts";
import { thingsOf } from "../words.ts";

/** Words that name blobs. */
export function blobsArgument() {
  return new Argument(
    "[blob...]",
    "such as me/logs:may15 for all blobs of an alias, or me/logs@sha256:...; in one repository, the names alone: " +
      "@may15, sha256:...",
  );
}

/** Words that name aliases. */
export function aliasesArgument<const N extends string>(name: N) {
  return new Argument(name, "such as me/logs:may15, or me/logs@sha256:... by the digest of its manifest");
}

/** The repository that words name, and the blobs in it. */
export function blobsOf<F extends PlaceFlags>(
  words: readonly string[] | undefined,
  flags: F,
  parsed: ParsedCommand,
): WithPlace<F> & { names: BlobName[] } {
  const nameOf = (reference: string) => isDigest(reference) ? reference : `@${reference}`;
  const { names, ...place } = thingsOf(words ?? [], flags, parsed, nameOf);
  return { ...place, names: names.map((name) => readBlobName(name, refusalOf(parsed))) } as
    & WithPlace<F>
    & { names: BlobName[] };
}

/** Reads the name of a blob, or reports that it is not one. */
export function readBlobName(text: string, refuse: Refuse): BlobName {
  try {
    return parseBlobName(text);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    const hint = isTag(text) ? `did you mean @${text}?` : error.hint;
    return refuse(`${error.message}: ${hint}`);
  }
}

/** `--overwrite` of what gives a name to blobs. */
export function overwriteAliasOption() {
  return new Option("--overwrite", "replace what the name holds, if it is something else");
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
