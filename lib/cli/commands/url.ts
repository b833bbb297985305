/** `layerstash url`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { DirectAccess, DirectFile } from "../../blobs/direct_urls.ts";
import type { FindArtifactOptions } from "../../artifacts/find_artifact.ts";
import type { BlobName } from "../../blobs/named_blobs.ts";
import { InvalidInputError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import {
  blobUrls,
  curlCommand,
  directAccess,
  encryptedLayerUrls,
  layerUrls,
  restoreRecipe,
  stashUrls,
} from "../../exports/blobs.ts";
import { typedName } from "../../oci/registry_address.ts";
import type { Store } from "../../store/store.ts";
import { OtherThingError } from "../../stash/stash_not_found.ts";
import { commandLine } from "../../store/command_line.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { placeCommand } from "../base_commands.ts";
import { registryOptionsOf, type RepositoryFlags } from "../connection.ts";
import { platformOption } from "../options.ts";
import { placeOf, refusalOf, type WithPlace } from "../place.ts";
import { textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { isBareName } from "../words.ts";
import { readBlobName } from "./blob_arguments.ts";

const EXAMPLES = `
Examples:
  $ layerstash url fred/datalogger @may15-readings      # URLs, curl commands
  $ layerstash url me/files:disk > restore.sh           # a script
  $ export TOKEN=$(layerstash token -r me/files pull)   # if it is needed
  $ sh restore.sh copy.img

The script needs sh, curl and sha256sum, but not layerstash; that of a folder
also GNU tar, and what is encrypted age and IDENTITY=FILE with the key.
`;

/** Makes the command. */
export function urlCommand(): CommandUnknownOpts {
  const command = placeCommand("url")
    .addOption(platformOption())
    .argument(
      "[word...]",
      "the address of a stored file or a folder; or of a repository, and after it digests (sha256:...) and @ALIAS",
    )
    .option("-t, --base-tag <tag>", "a stored file: print its script")
    .option("--script", "print a script for blobs, too")
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly BlobName[] }>(
    ({ names, baseTag }) =>
      (baseTag ?? names.join(", ")) ? `find ${baseTag ?? names.join(", ")}` : "print URLs",
    async (session, { names, baseTag, script, json, platform, ...flags }) => {
      const { store, terminal, signal, onEvent } = session;
      requireOneKind(names, baseTag);
      const { isFolder, ...file }: FoundUrls = baseTag
        ? await stashUrls(store, baseTag, { signal })
          .catch((failure) => folderUrls(failure, store, { name: baseTag, platform, signal, onEvent }))
        : await blobUrls(store, names, { platform, signal });
      const access = await accessTo(file, flags, { signal, onEvent });
      const recipe = restoreRecipe(file, { access, howToSignIn: howToSignIn(access, flags), isFolder });
      if (json) terminal.data(jsonLine({ ...file, blobs: withCommands(file, access), script: recipe }));
      else terminal.data(baseTag !== undefined || script ? recipe : renderUrls(file, access));
    },
  );
  command.action((words, flags, parsed) => {
    const [first, ...more] = words;
    const address = first === undefined || isBareName(first) ? undefined : first;
    const names = (address === undefined ? words : more).map((word) => readBlobName(word, refusalOf(parsed)));
    return work({ ...placeOf(address, flags, parsed), names }, parsed);
  });
  return command;
}

/** The URLs of a file, or of the layers of a folder. */
type FoundUrls = DirectFile & { isFolder?: true };

/**
 * The URLs of a folder's layers, where no stored file was found.
 *
 * @throws the failure, with what to type, if something else has the name
 */
async function folderUrls(
  failure: unknown,
  store: Store,
  options: FindArtifactOptions & { name: string },
): Promise<FoundUrls> {
  const { artifactInstead } = await import("./artifact_instead.ts");
  const { kind, folder } = await artifactInstead(failure, store, options);
  if (kind === "encrypted folder") {
    return { ...await encryptedLayerUrls(store, options.name, options), isFolder: true };
  }
  if (folder) return { ...layerUrls(store, { name: options.name, ...folder }), isFolder: true };
  throw failure instanceof OtherThingError
    ? failure.with({ hint: hintOfAlias(store, options.name) })
    : failure;
}

/** What to type for the blobs of an alias or an image. */
function hintOfAlias({ name, url }: StoreSession["store"], alias: string): string {
  return `for its blobs: ${commandLine("url", typedName(name, url), `@${alias}`)}`;
}

function requireOneKind(names: readonly BlobName[], baseTag: string | undefined): void {
  if ((names.length > 0) !== (baseTag !== undefined)) return;
  throw new InvalidInputError(
    names.length > 0 ? "blobs and -t cannot be combined" : "neither blobs nor a stored file are named",
    { hint: "name blobs, as in @ALIAS or sha256:..., or a stored file with -t TAG" },
  );
}

/** How to access the file. A file without blobs needs no sign-in. */
async function accessTo(
  { blobs: [first] }: DirectFile,
  flags: RepositoryFlags,
  { signal, onEvent }: Pick<StoreSession, "signal"> & { onEvent: OnEvent },
): Promise<DirectAccess> {
  if (!first) return { kind: "open" };
  const { repository } = flags;
  const { digest } = first;
  return await directAccess(digest, { ...await registryOptionsOf(flags, onEvent), repository, signal });
}

function howToSignIn({ kind }: DirectAccess, { registry, repository }: RepositoryFlags): string | undefined {
  if (kind !== "token" || !/^[\w.:/-]+$/.test(registry)) return undefined;
  return `TOKEN=$(layerstash token --registry ${registry} -r ${repository} pull)`;
}

function withCommands({ name, blobs }: DirectFile, access: DirectAccess) {
  return blobs.map((blob, index) => {
    const file = blobs.length === 1 ? name : `${name}.${index + 1}`;
    return { ...blob, curl: curlCommand(blob, { file, access }) };
  });
}

/** The URLs, then the curl commands. */
function renderUrls(file: DirectFile, access: DirectAccess): string {
  return textLines([
    ...file.blobs.map(({ url }) => url),
    ...withCommands(file, access).map(({ curl }) => curl),
  ]);
}
