/** Makes commands and scripts that fetch blobs with nothing but sh, curl and sha256sum. @module */
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { counted, shellQuoted } from "../messages.ts";
import { type Algorithm, algorithmOf, ALGORITHMS, digestOf, encodedPart } from "../oci/digest.ts";
import { totalBlobSize } from "./alias_manifest.ts";
import type { DirectAccess, DirectBlob, DirectFile } from "./direct_urls.ts";

/**
 * A curl command that fetches one blob. It reads a needed token from the variable `TOKEN`, and a user name and password
 * from `LOGIN`.
 *
 * @example
 * ```ts
 * import { curlCommand } from "@layerstash/cli/blobs";
 *
 * const blob = { digest: `sha256:${"0".repeat(64)}`, size: 5, url: "https://ghcr.io/v2/me/files/blobs/x" } as const;
 * const command = curlCommand(blob, { file: "it's", access: { kind: "anybody", token: "QQ==" } });
 * if (!command.startsWith(`curl -fL -H 'Authorization: Bearer QQ==' -o 'it'\\''s' `)) throw new Error(command);
 * ```
 */
export function curlCommand(
  blob: DirectBlob,
  options: { file: string; access: DirectAccess },
): string {
  return [
    "curl -fL",
    ...authOptions(options.access),
    `-o ${shellQuoted(options.file)}`,
    shellQuoted(blob.url),
  ].join(" ");
}

/** How a script fetches blobs, and what it makes of them. */
export interface RecipeOptions {
  /** The authorization that a request needs. */
  access: DirectAccess;
  /** A command that sets the variable with the authorization; absent = the script says what the variable holds. */
  howToSignIn?: string | undefined;
  /** Whether the blobs are the layers of a folder, which are unpacked. */
  isFolder?: boolean | undefined;
}

/**
 * A script for sh that fetches the blobs of a file, verifies each, and joins them; or that unpacks them, where they are the
 * layers of a folder. Running it again resumes it. It never overwrites what exists.
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { restoreRecipe, stashUrls } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body!, chunkSize: 2 });
 * const recipe = restoreRecipe(await stashUrls(store, "note"), { access: { kind: "open" } });
 * if (recipe.match(/^get /gm)?.length !== 3) throw new Error(recipe);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function restoreRecipe(
  { name, blobs, encryption }: DirectFile,
  options: RecipeOptions,
): string {
  const { access, howToSignIn, isFolder = false } = options;
  const algorithms = algorithmsOf(blobs);
  const more = [
    ...algorithms.map(sumProgram),
    ...(isFolder ? ["GNU tar"] : []),
    ...(encryption ? ["age"] : []),
  ];
  const read = encryption ? DECRYPT[encryption.opensWith] : "cat";
  return [
    "#!/bin/sh",
    `# Restores ${name}: ${counted(totalBlobSize(blobs), "byte")} in ${counted(blobs.length, "blob")},`,
    `# with ${programsInWords(["sh", "curl", ...more])}. Run it again to resume.`,
    ...neededKey(encryption),
    ...requiredVariable(access, howToSignIn),
    "set -euC # -C: > makes new files, and replaces none",
    ...algorithms.map((each) =>
      `command -v ${sumProgram(each)} > /dev/null || ${sumProgram(each)}() { shasum -a ${each.slice(3)}; }`
    ),
    `out=\${1:-${shellQuoted(name)}}`,
    "case $out in -*) out=./$out ;; esac # a file, not an option",
    ...(isFolder ? ["out=${out%/}"] : []),
    `[ ! -e "$out" ] && [ ! -L "$out" ] || { echo "$out already exists" >&2; exit 6; }`,
    ...scriptFunctions(blobs, access),
    ...blobs.map(({ digest, size, url }) => `get ${encodedPart(digest)} ${size} ${shellQuoted(url)}`),
    `whole=$out.${nameOfWhole(blobs)}`,
    ...(isFolder ? unpack(read) : join(read)),
    `mv "$whole" "$out"`,
    `for each in $pieces; do rm -f "$out.$each"; done`,
    "",
  ].join("\n");
}

/** `sh, curl and age`. */
function programsInWords(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const DECRYPT = { keys: 'age -d -i "$IDENTITY"', passphrase: "age -d" };

/** What decrypting takes: it is asked for before anything is fetched, except a passphrase, for which age asks. */
function neededKey(encryption: DirectFile["encryption"]): string[] {
  if (!encryption) return [];
  return [
    ...(encryption.opensWith === "keys"
      ? exported("IDENTITY", "IDENTITY=FILE (of the secret key)")
      : ["# At the end, age asks for the passphrase of each blob."]),
    'command -v age > /dev/null || { echo "the program age is needed" >&2; exit 1; }',
  ];
}

/** The lines that join the pieces of a file, each as a command gives it. */
const join = (command: string): readonly string[] => [
  `rm -f "$whole"; : > "$whole"`,
  `for each in $pieces; do ${command} "$out.$each" >> "$whole"; done`,
];

/**
 * The lines that unpack the layers of a folder, each as a command gives it. One run of tar takes all of them: so it keeps
 * directories writable until the end, and makes no link before, through which a later layer could reach another place. A shell
 * does not notice that a command before a pipe fails: a file says so.
 */
const unpack = (command: string): readonly string[] => [
  `tar --version 2> /dev/null | grep -q GNU || tar() { gtar "$@"; }`,
  `rm -rf "$whole" "$whole.bad"; mkdir "$whole"`,
  `for each in $pieces; do ${command} "$out.$each" || { : > "$whole.bad"; break; }; done |`,
  `  tar -xzip --no-same-owner --warning=no-unknown-keyword --warning=no-timestamp -C "$whole" \\`,
  `    --anchored ${STARGZ_PATHS.map((path) => `--exclude=${path}`).join(" ")} -f -`,
  `[ ! -e "$whole.bad" ] || { rm -rf "$whole" "$whole.bad"; exit 1; }`,
  `find "$whole" ! -type l -perm /6000 -exec chmod ug-s {} + || # no file runs with other rights`,
  `  echo "set-user-ID and set-group-ID bits may be left in $whole" >&2`,
];

/** The algorithms of the blobs' digests. */
function algorithmsOf(blobs: readonly DirectBlob[]): Algorithm[] {
  return ALGORITHMS.filter((each) => blobs.some(({ digest }) => algorithmOf(digest) === each));
}

function sumProgram(algorithm: Algorithm): string {
  return `${algorithm}sum`;
}

/** The command that hashes a piece. Where there are digests of both algorithms, their length tells which it is. */
function sumCommand(blobs: readonly DirectBlob[]): string {
  const [only, other] = algorithmsOf(blobs).map(sumProgram);
  return other === undefined ? only ?? "sha256sum" : "case ${#1} in (64) sha256sum ;; (*) sha512sum ;; esac";
}

/** The functions of the script that fetch one blob into a file of its own, a piece, which counts only once hashed. */
function scriptFunctions(blobs: readonly DirectBlob[], access: DirectAccess): string[] {
  return [
    `is_good() { [ -e "$piece" ] && sum=$(${sumCommand(blobs)} < "$piece") && [ "\${sum%% *}" = "$1" ]; }`,
    `fetch() { ${fetchLine(access)} || { code=$?; [ $code = 33 ] || exit $code; }; } # 33: no ranges`,
    `go_on() { [ ! -L "$piece" ] && [ -s "$piece" ] && [ "$(wc -c < "$piece")" -lt "$2" ] && fetch "$3" && is_good "$1"; }`,
    `begin() { rm -f "$piece" && : > "$piece" && fetch "$3" && is_good "$1"; } # also after a power cut damaged the piece`,
    "pieces=",
    "get() { # the digest of a blob, its size, and its URL",
    `  short=$(printf %.${distinctLength(blobs)}s "$1")`,
    "  piece=$out.$short",
    `  is_good "$1" || go_on "$@" || begin "$@" || {`,
    `    rm -f "$piece"; echo "the blob $1 is corrupted" >&2; exit 5`,
    "  }",
    `  pieces="$pieces $short"`,
    "}",
  ];
}

/** The ending of the file in which the pieces are joined: as for the pieces, nobody else's file has such a name. */
function nameOfWhole(blobs: readonly DirectBlob[]): string {
  const digests = blobs.map(({ digest }) => digest).join("\n");
  return encodedPart(digestOf(new TextEncoder().encode(digests))).slice(0, SHORT);
}

function fetchLine(access: DirectAccess): string {
  return ["curl -fL --retry 5 -C -", ...authOptions(access), `-o "$piece" "$1"`].join(" ");
}

/** How many digits of a digest are in a file's name, if they suffice. */
const SHORT = 12;

/** The number of digits that suffice to tell the digests apart; whole digests would make file names too long. */
function distinctLength(blobs: readonly DirectBlob[], length = SHORT): number {
  const digests = new Set(blobs.map(({ digest }) => encodedPart(digest)));
  const shortened = new Set([...digests].map((digest) => digest.slice(0, length)));
  return shortened.size === digests.size ? length : distinctLength(blobs, length + 1);
}

/** curl's option for the authorization. */
function authOptions(access: DirectAccess): string[] {
  switch (access.kind) {
    case "open":
      return [];
    case "anybody":
      return [`-H ${shellQuoted(`Authorization: Bearer ${access.token}`)}`];
    case "token":
      return [`-H "Authorization: Bearer $TOKEN"`];
    case "password":
      return [`-u "$LOGIN"`];
  }
}

/** The lines of the script that explain and check the variable with the authorization. */
function requiredVariable({ kind }: DirectAccess, howToSignIn: string | undefined): string[] {
  const variable = kind === "token" ? "TOKEN" : kind === "password" ? "LOGIN" : undefined;
  if (!variable) return [];
  const setting = howToSignIn ??
    (kind === "token" ? "TOKEN=... (a token that allows to pull)" : "LOGIN=NAME:PASSWORD");
  return exported(variable, setting);
}

function exported(variable: string, setting: string): string[] {
  return [`# First: export ${setting}`, `: "\${${variable}:?must be set, see the top of this script}"`];
}
