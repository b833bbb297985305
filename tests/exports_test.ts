/** What the library offers: the names of each entry, one by one, so that a new name is seen in a review. @module */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

type Entry = keyof typeof config.exports;

/** The names that each entry exports: whoever adds one promises to keep it. */
const EXPORTS: Record<Entry, string> = {
  ".": `
    Address Algorithm CallOptions Chunk Clock ConflictError Credentials DEFAULT_JOBS DEFAULT_RETRY_POLICY DEFAULT_TIMEOUTS
    Digest DownloadOptions ErrorDetails ErrorKind FindCredentials InfoOptions InvalidInputError KeptTag LayerstashError
    ListOptions ListedStash ManifestFormat MismatchError NotAllowedError NotFoundError OnEvent OpenOptions PushMode
    RateLimit ReadStashOptions RegistryError RegistryErrorDetails RegistryOptions RegistryProfile RetryPolicy Stash
    StashEncryption StashFault StashState Store StoreOptions TagRemoval Timeouts TokenOptions TransferEvent TransferOptions TransportOptions
    UploadOptions VerbOptions VerifyOptions VerifyResult download firstCredentials getToken info list
    listRepositories openStore parseAddress readStash remove savedCredentials upload verify
  `,
  "./images": `
    Address ArchiveAddress BuildStep ByPlatform ContentDigests DecryptedImagesOptions Entry EntryType ExactTime Extent ExtractOptions ExtractResult FileTree Image ImageConfig
    ImageFiles ImageFilesOptions ImageOptions ImageReport IndexedManifest Layer LayerEntry
    LayoutAddress MergedEntry OpenEntry OpenLayerEntry OpenedImage PathPattern Platform
    PlatformOptions ReadFileOptions ReadLayerOptions ReadReport RegistryAddress RemoteAddress ReportedLayer
    StoreOptions SurveyOptions SurveyResult chooseLayer decryptedImages describeImage extract findImage openImage parseImage pathPattern
    readImageFile survey
  `,
  "./artifacts": `
    Artifact ArtifactFile ArtifactKind DownloadArtifactOptions DownloadedFile FindArtifactOptions FolderFacts
    ListArtifactsOptions ListedArtifact Packing StreamArtifactOptions downloadArtifact findArtifact findInstead listArtifacts streamArtifact
  `,
  "./blobs": `
    BlobName BlobRemoval ByPlatform DirectAccess DirectBlob DirectFile MountBlobOptions NamedBlobs
    PlatformOptions PullBlobsOptions PushBlobOptions RecipeOptions SetAliasOptions SizedBlob blobSize blobUrls curlCommand
    digestOfFile directAccess encryptedLayerUrls getAlias getConfigDigest getManifest layerUrls listAliases mountBlob parseBlobName
    pullBlobs pushBlob removeAlias removeBlobs restoreRecipe setAlias stashUrls
  `,
  "./copy": `
    AppendOptions AppendResult CopiedBlobs CopyOptions CopyResult CopyStashOptions CopyStashResult
    ImageTarget SaveLayersOptions SavedLayer StashTarget append copyImage copyStash saveLayers
  `,
  "./encryption": `
    AgeBeginning AgeFile AgeFileOptions AgeHeader ChangeRecipientsOptions GeneratedKey HeaderOpener Identities KeyKind RangeReader
    Recipients RecipientsChange StashRecipients changeRecipients encryptedSize encryptedSource generateKey
    headerOpener listRecipients newNonce
  `,
  "./folders": `
    Aspect Comparison DiffOptions DiffSide DownloadFolderOptions DownloadedFolder FindFolderOptions FolderFault ImageLocation TreeDifference
    UploadFolderOptions UploadedFolder VerifiedFolder VerifyFolderOptions diff downloadFolder isFolder
    removeFolder uploadFolder verifyFolder
  `,
  "./serve":
    `Identities NamesOptions OpenedRepositories ServeOptions ServedRepositories ServedRepository openServed serveHandler`,
  "./store": `
    Algorithm BeginUploadOptions BlobOptions BlobProof BlobReader BlobState BlobStore BrokenRead ByteRange CallOptions ChangeOptions Checkpoint Descriptor Digest DigestOptions DraftFile
    Family FreeOptions Manifest ManifestReader ManifestStore PutOptions RangeRefusedError ReadOptions
    ReferrersOptions ReuseOptions SizedBlob Source StatOptions Store StoreReader TagsOptions Turn UploadInPieces UploadPoint UploadsInPieces WriteOptions
    bytesSource digestOf encodeManifest manifestOf
  `,
};

/** The groups of the names that `.` exports; each of the other entries is a group of its own. */
const CATEGORIES = ["Files", "Stores", "Signing in", "Events", "Errors"];

/** A symbol as `deno doc --json` describes it; only what is read here. */
interface DocumentedSymbol {
  name: string;
  declarations: {
    kind: string;
    jsDoc?: { tags?: { kind: string; doc?: string }[] };
    def: { params?: Parameter[] };
  }[];
}

/** A parameter of a function; one with a default is an `assign`, and has its name on the left. */
interface Parameter {
  kind: string;
  name?: string;
  left?: { name?: string };
}

const documented = await readDocumentation();

for (const [entry, names] of Object.entries(EXPORTS) as [Entry, string][]) {
  Deno.test(`${entry} exports these names, and no other`, async () => {
    const symbols = documented.get(entry) ?? [];
    assert.deepEqual(symbols.map(({ name }) => name).sort(), names.trim().split(/\s+/));
    const values = symbols.filter(({ declarations: [first] }) =>
      ["function", "class", "variable"].includes(first!.kind)
    );
    const module = await import(new URL(config.exports[entry], new URL("../", import.meta.url)).href);
    assert.deepEqual(values.map(({ name }) => name).sort(), Object.keys(module).sort());
  });
}

Deno.test("every function takes at most two things and an object of options", () => {
  const called = ({ name, left }: Parameter) => name ?? left?.name;
  for (const { name, declarations } of [...documented.values()].flat()) {
    for (const { kind, def } of declarations) {
      if (kind !== "function") continue;
      const [, , third = "options", ...more] = def.params!.map(called);
      assert.deepEqual([third, ...more], ["options"], name);
      const optionsAt = def.params!.findIndex((each) => called(each) === "options");
      assert.ok([-1, def.params!.length - 1].includes(optionsAt), `${name} takes options last`);
    }
  }
});

Deno.test("each name of the main entry belongs to a category", () => {
  for (const { name, declarations } of documented.get(".")!) {
    const tags = declarations[0]!.jsDoc?.tags?.filter(({ kind }) => kind === "category") ?? [];
    assert.ok(tags.length === 1 && CATEGORIES.includes(tags[0]!.doc!.trim()), name);
  }
});

async function readDocumentation(): Promise<Map<Entry, DocumentedSymbol[]>> {
  const paths = Object.values(config.exports);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...paths],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  return new Map((Object.keys(config.exports) as Entry[]).map((entry) => {
    const url = new URL(config.exports[entry], new URL("../", import.meta.url)).href;
    return [entry, nodes[url].symbols];
  }));
}
