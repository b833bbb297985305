/** One of each kind of thing that a server's pages show: files, encrypted ones, a folder, an image, an artifact. @module */
import { pushBlob } from "../../lib/exports/blobs.ts";
import { uploadFolder } from "../../lib/exports/folders.ts";
import { openStore, type Store, upload } from "../../main.ts";
import { makeWorkspace, someBytes, streamOf, type Workspace } from "./content.ts";
import { makeKey } from "./encryption.ts";
import { gzip, putImage, putIndex } from "./images.ts";
import { tarOf } from "./tar.ts";

/** A name that does harm where it is taken for HTML. */
export const EVIL = `"'><img src=x onerror=alert(1)><script>alert(2)<!-- &amp;.txt`;

/** Where they are stored. */
export interface ShownThings extends AsyncDisposable {
  /** The address of the directory: it holds the repositories `me/app`, `me/backups` and `me/files`. */
  address: string;
  directory: Workspace;
  /** The file of the key of what is encrypted. */
  key: string;
}

/** Stores them. */
export async function storeShownThings(): Promise<ShownThings> {
  const directory = await makeWorkspace();
  const address = `oci:${directory.path("box")}`;
  const { path: key, encryptTo } = await makeKey(directory);
  const open = (repository: string) => openStore({ registry: address, repository });
  const site = await makeSite(directory);
  {
    using files = open("me/files");
    const input = await directory.write("disk image.iso", someBytes(3_000_000));
    await upload(files, "disk.iso", { input, chunkSize: 1_000_000 });
    await upload(files, "film.webm", { input: streamOf(someBytes(400_000)), chunkSize: 150_000 });
    await uploadFolder(files, "site", { directory: site });
    await pushBlob(files, new Response("20 degrees\n").body!, { alias: "logger.dat" });
  }
  {
    using backups = open("me/backups");
    const input = await directory.write("home.tar", someBytes(700_000));
    for (const day of ["monday", "tuesday"]) await upload(backups, day, { input, encryptTo });
    await uploadFolder(backups, "photos", { directory: directory.path("site/photos"), encryptTo });
    await upload(backups, "broken", { input, chunkSize: 100_000 });
    await backups.removeManifest("broken-3");
    await upload(backups, "cut", { input, chunkSize: 100_000 });
    await backups.removeManifest("cut-7");
  }
  using app = open("me/app");
  await putApp(app);
  return { address, directory, key, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

const LAKE =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400"><rect width="640" height="400" fill="#cfe3ff"/>
<path d="M0 260 160 90l110 120 90-80 280 220V400H0z" fill="#5f7f6b"/><path d="M0 280h640v120H0z" fill="#3a6ea8"/></svg>`;

/** Makes a directory with a tree, texts, a picture, links, and names that do harm. */
async function makeSite(directory: Workspace): Promise<string> {
  const path = (name: string) => directory.path(`site/${name}`);
  await Deno.mkdir(path("docs/deep"), { recursive: true });
  await Deno.mkdir(path("photos/2024 summer"), { recursive: true });
  const texts: Record<string, string> = {
    "docs/deep/treasure.txt": "gold\n",
    [`docs/${EVIL}`]: "<script>alert(3)</script>",
    "page.html": "<script>alert(4)</script><img src=x onerror=alert(5)>",
    "README.md": "# The site\n\nIt has photos of *lakes*, and a map to the treasure.\n\n- docs\n- photos\n",
    "photos/lake.svg": LAKE,
    "photos/2024 summer/a name that is rather long, as those of photos and papers often are.svg": LAKE,
  };
  for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(path(name), text);
  await Deno.symlink("photos/lake.svg", path("cover"));
  await Deno.symlink("photos", path("pictures"));
  await Deno.symlink("nowhere", path("lost"));
  return path(".");
}

const STEPS = [
  "/bin/sh -c #(nop) ADD file:0ac3 in /",
  'RUN /bin/sh -c apk add --no-cache curl && rm /etc/motd && echo "a long line, as those of real builds are" # buildkit',
  "COPY app.py /srv/app.py # buildkit",
];

/** Stores an image for several platforms. Its layers add, change and hide files. */
async function putApp(store: Store): Promise<void> {
  const platforms: Record<string, string>[] = [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64", variant: "v8" },
    { os: "windows", architecture: "amd64", "os.version": "10.0.20348.2227" },
  ];
  const images = await Promise.all(platforms.map(async (platform) => {
    const machine = Object.values(platform).join(" ");
    const layers = [
      [{ name: "etc/", flag: "5" }, { name: "etc/motd", content: "hello" }, {
        name: "etc/machine",
        content: machine,
      }],
      [{ name: "usr/", flag: "5" }, { name: "usr/curl", content: "curl" }, { name: "etc/.wh.motd" }],
      [{ name: "srv/", flag: "5" }, { name: "srv/app.py", content: "print('hello')\n" }, {
        name: "srv/pipe",
        flag: "6",
      }],
    ];
    const packed = await Promise.all(layers.map(async (files) => ({ bytes: await gzip(tarOf(files)) })));
    const config = {
      ...platform,
      config: { Cmd: ["python3", "/srv/app.py"] },
      history: STEPS.map((step) => ({ created: "2026-11-20T12:00:00Z", created_by: step })),
    };
    return {
      platform,
      manifest: await putImage(store, `for-${platform["os"]}-${platform["architecture"]}`, packed, config),
    };
  }));
  await putIndex(store, "1.2", images);
}
