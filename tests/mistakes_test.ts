/** The mistakes that people make most: each gets a message that names it, and a hint with what would have worked. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { meantRegistry } from "../lib/oci/registry_address.ts";
import { openStore, upload } from "../main.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { putImage } from "./rigs/images.ts";
import { type Internet, startInternet } from "./rigs/internet.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { tarOf } from "./rigs/tar.ts";
import { USER } from "./rigs/user.ts";

const withRegistry = { ignore: !await ensureTool("docker-registry", "docker-registry") };

/** A mistake: the command line, the exit code, and the lines that are printed. */
type Mistake = readonly [line: string, code: number, problem: string, hint: string];

/** Command lines in which `PLAIN`, `LOCKED`, `SECURE` and `WEB` stand for servers of this machine. */
const MISTAKES: Readonly<Record<string, readonly Mistake[]>> = {
  "a registry in front of the name that -r takes": [
    [
      "list -r docker.io/me/files",
      2,
      '-r takes a repository alone, and "docker.io/me/files" begins with a registry',
      "layerstash list -r me/files --registry docker.io",
    ],
    [
      "upload -r ghcr.io/me/files -t disk -i disk.img",
      2,
      '-r takes a repository alone, and "ghcr.io/me/files" begins with a registry',
      "layerstash upload -r me/files -t disk -i disk.img --registry ghcr.io",
    ],
    [
      "list --registry ghcr -r ghcr.io/me/files",
      2,
      '-r takes a repository alone, and "ghcr.io/me/files" begins with a registry',
      "layerstash list --registry ghcr.io -r me/files",
    ],
    [
      "download -r PLAIN/me/files -t disk",
      2,
      '-r takes a repository alone, and "PLAIN/me/files" begins with a registry',
      "layerstash download -r me/files -t disk --registry PLAIN",
    ],
    [
      "list --repository=https://ghcr.io/me/files",
      2,
      '-r takes a repository alone, and "https://ghcr.io/me/files" begins with a registry',
      "layerstash list -r me/files --registry ghcr.io",
    ],
  ],
  "a repository of Docker Hub without its owner": [
    [
      "upload -r files -t disk -i disk.img",
      2,
      '"files" is a repository of Docker Hub itself: put your user name there before it',
      "layerstash upload -r YOU/files -t disk -i disk.img",
    ],
    [
      "upload disk.img files:disk",
      2,
      '"files" is a repository of Docker Hub itself: put your user name there before it',
      "layerstash upload disk.img YOU/files:disk",
    ],
    [
      "upload disk.img docker.io/docker:disk",
      2,
      '"docker" is a repository of Docker Hub itself: put your user name there before it',
      "layerstash upload disk.img docker.io/YOU/docker:disk",
    ],
    [
      "list -r files",
      3,
      "cannot list files: there is no repository docker.io/library/files, or it is not shown to you",
      "name its owner, as in YOU/files, or sign in: layerstash login docker.io",
    ],
  ],
  "a password in a URL": [
    [
      "list -r https://me:PW@ghcr.io/me/files",
      2,
      'cannot list https://...@ghcr.io/me/files: "https://...@ghcr.io/me/files" is not a repository name',
      "use lower-case letters, digits, single . _ and -, with / between the components, as in me/files",
    ],
    [
      "upload disk.img https://me:PW@ghcr.io/me/files:disk",
      2,
      "the registry's URL contains a user name or password",
      "use --username, or layerstash login",
    ],
    [
      "info oci:box me:PW@ghcr.io/me/files:disk",
      2,
      '"...@ghcr.io/me/files:disk" is not expected: info takes 1 argument beside options',
      "layerstash info oci:box",
    ],
  ],
  "the name of a stored file after the repository": [
    [
      "download -r me/files:disk -o copy.img",
      2,
      '-r takes a repository alone, and "me/files:disk" names something in it',
      "layerstash download -r me/files -o copy.img -t disk",
    ],
    [
      "list -r me/files:disk",
      2,
      '-r takes a repository alone, and "me/files:disk" names something in it',
      "layerstash list -r me/files",
    ],
  ],
  "capital letters": [
    [
      "list -r Me/Files",
      2,
      '"Me/Files" is not a repository name: it has capital letters',
      "layerstash list -r me/files",
    ],
    [
      "upload disk.img ghcr.io/Me/Files:Disk",
      2,
      '"Me/Files" is not a repository name: it has capital letters',
      "layerstash upload disk.img ghcr.io/me/files:Disk",
    ],
    [
      "inspect ghcr.io/Me/Files:Disk",
      2,
      'cannot inspect ghcr.io/Me/Files:Disk: "Me/Files" is not a repository name: it has capital letters',
      "use me/files",
    ],
  ],
  "a path after the registry": [
    [
      "list --registry PLAIN/me/files",
      2,
      '"PLAIN/me/files" is not a registry: a registry is a host, without a path after it',
      "layerstash list --registry PLAIN -r me/files",
    ],
    [
      "upload --registry ghcr.io/me -r files -t disk -i disk.img",
      2,
      '"ghcr.io/me" is not a registry: a registry is a host, without a path after it',
      "layerstash upload --registry ghcr.io -r me/files -t disk -i disk.img",
    ],
    [
      "login ghcr.io/me",
      2,
      'cannot sign in to ghcr.io/me: "ghcr.io/me" is not a registry: a registry is a host, without a path after it',
      "name the registry alone, ghcr.io: what follows belongs to the name of the repository",
    ],
  ],
  "a web site in the place of its registry": [
    [
      "list --registry hub -r me/files",
      2,
      '"hub" is not a registry',
      "layerstash list --registry docker.io -r me/files",
    ],
    [
      "list --registry github -r me/files",
      2,
      '"github" is not a registry',
      "layerstash list --registry ghcr.io -r me/files",
    ],
    [
      "list --registry hub.docker.com -r me/files",
      2,
      '"hub.docker.com" is a web site, not a registry',
      "layerstash list --registry docker.io -r me/files",
    ],
    [
      "list https://hub.docker.com/r/me/files",
      2,
      '"https://hub.docker.com" is a web site, not a registry',
      "layerstash list docker.io/me/files",
    ],
    [
      "list https://github.com/users/me/packages/container/package/files",
      2,
      '"https://github.com" is a web site, not a registry',
      "layerstash list ghcr.io/me/files",
    ],
    [
      "list ghcr/me/files",
      2,
      'an address has the whole name of its registry, ghcr.io, and not "ghcr"',
      "layerstash list ghcr.io/me/files",
    ],
    ["login hub", 2, 'cannot sign in to hub: "hub" is not a registry', "use docker.io"],
  ],
  "a web server that is not a registry": [
    [
      "upload disk.img WEB/me/files:disk",
      1,
      "cannot store disk.img as disk: WEB answered with a web page: it is not a registry",
      "check the name of the registry",
    ],
  ],
  "a mistyped repository or directory": [
    [
      "list PLAIN/me/fiels",
      3,
      "cannot list me/fiels: there is no repository PLAIN/me/fiels, or it is not shown to you",
      "check its name, or sign in: layerstash login PLAIN",
    ],
    [
      "download PLAIN/me/fiels:disk",
      3,
      "cannot download disk: there is no repository PLAIN/me/fiels, or it is not shown to you",
      "check its name, or sign in: layerstash login PLAIN",
    ],
    [
      "list oci:bxo/me/files",
      3,
      "cannot list oci:bxo/me/files: there is no directory bxo/me/files",
      "did you mean oci:box/me/files?",
    ],
    [
      "download oci:box/me/fiels:disk",
      3,
      "cannot download disk: there is no directory box/me/fiels",
      "did you mean oci:box/me/files?",
    ],
    [
      "remove PLAIN/me/files:dsik",
      3,
      "cannot remove dsik: there is no stash dsik in PLAIN/me/files",
      "it has: disk, app-7, archive, v1",
    ],
  ],
  "a mistyped option or command": [
    ["download --regstry oci:box", 2, "unknown option '--regstry'", "did you mean --registry?"],
    ["uplod disk.img PLAIN/me/files", 2, "unknown command 'uplod'", "did you mean upload?"],
    ["help uplod", 2, "unknown command 'uplod'", "did you mean upload?"],
    ["blob psh disk.img", 2, "unknown command 'psh'", "did you mean push?"],
  ],
  "an option or a word that is missing": [
    [
      "save PLAIN/me/app",
      2,
      "-o is missing: the directory to write to; it is created if it is missing",
      "layerstash save PLAIN/me/app -o DIR",
    ],
    ["save", 2, "the image is missing", "usage is layerstash save [options] <image>"],
    ["copy PLAIN/me/app", 2, "the target is missing", "usage is layerstash copy [options] <src> <dst>"],
    ["diff photos", 2, "the new tree is missing", "usage is layerstash diff [options] <old-tree> <new-tree>"],
    [
      "alias set v9 sha256:1234 PLAIN/me/files",
      2,
      'the address comes first, and has the alias: "PLAIN/me/files" is not a blob',
      "layerstash alias set PLAIN/me/files:v9 sha256:1234",
    ],
  ],
  "a group without one of its commands": [
    [
      "blob list PLAIN/me/files",
      2,
      "unknown command 'list'",
      "the commands of blob are push, pull, size, mount, remove",
    ],
  ],
  "an option before the command": [
    [
      "--registry PLAIN list -r me/files -p secret",
      2,
      "--registry stands before the command",
      "layerstash list --registry PLAIN -r me/files -p ...",
    ],
  ],
  "a name, a file or a repository that is missing": [
    [
      "download -r me/files",
      2,
      "the name is missing: use -t, or an address such as ghcr.io/me/files:disk",
      "the names are listed by: layerstash list -r me/files",
    ],
    [
      "info oci:box/me/files",
      2,
      '"oci:box/me/files" names a repository: add the name of a stored file, as in oci:box/me/files:disk',
      "the names are listed by: layerstash list oci:box/me/files",
    ],
    [
      "upload -r me/files -t disk",
      2,
      "the file is missing: name it before the address, or with -i",
      "layerstash upload disk.img -r me/files -t disk",
    ],
    [
      "upload disk.img",
      2,
      '"disk.img" is a file: add the address to store it at, such as ghcr.io/me/files',
      "layerstash upload disk.img ghcr.io/me/files",
    ],
    [
      "upload",
      2,
      "the repository is missing: use an address such as ghcr.io/me/files, or -r",
      "layerstash upload disk.img ghcr.io/me/files:disk",
    ],
    [
      "upload photos",
      2,
      '"photos" is a directory: add the address to store it at, such as ghcr.io/me/files',
      "layerstash upload photos ghcr.io/me/files",
    ],
    [
      "upload ./photos/",
      2,
      '"./photos/" is a directory: add the address to store it at, such as ghcr.io/me/files',
      "layerstash upload ./photos/ ghcr.io/me/files",
    ],
    [
      "upload nothing",
      2,
      'there is no file "nothing", and no address after it',
      "layerstash upload disk.img ghcr.io/me/files:disk",
    ],
    [
      "upload -",
      2,
      "the address is missing after -, which is standard input",
      "layerstash upload - ghcr.io/me/files:disk",
    ],
    [
      "upload PLAIN/me/files:disk disk.img",
      2,
      'the address comes last, and "disk.img" is not one',
      "layerstash upload disk.img PLAIN/me/files:disk",
    ],
    [
      "download copy.img PLAIN/me/files:disk",
      2,
      'the address comes first, and "copy.img" is not one',
      "layerstash download PLAIN/me/files:disk copy.img",
    ],
  ],
  "a path where an address belongs": [
    ["list photos/", 2, '"photos/" is not an address', "for a directory, use oci:photos/"],
    ["list ../box", 2, '"../box" is not an address', "for a directory, use oci:../box"],
    ["list oci:nothing", 3, "cannot list oci:nothing: there is no directory nothing", ""],
    [
      "upload disk.img ./box",
      2,
      '"./box" is a directory: add the address to store it at, such as ghcr.io/me/files',
      "layerstash upload disk.img ./box ghcr.io/me/files; or, to store in that directory: layerstash upload disk.img oci:./box",
    ],
    [
      "serve ./nothing",
      2,
      'cannot serve ./nothing: "./nothing" is not an address',
      "for a directory, use oci:./nothing",
    ],
    [
      "serve photos",
      2,
      'cannot serve photos: "photos" names a repository of Docker Hub, and something here',
      "for the directory photos here, use oci:photos; for Docker Hub, use docker.io/photos",
    ],
    [
      "list photos",
      3,
      "cannot list photos: there is no repository docker.io/library/photos, or it is not shown to you",
      "name its owner, as in YOU/photos, or sign in: layerstash login docker.io; for the directory photos here, use oci:photos",
    ],
    ["diff ./nothing/ x", 3, "cannot compare ./nothing/ with x: there is no directory ./nothing/", ""],
    ["diff nothing/ photos", 3, "cannot compare nothing/ with photos: there is no directory nothing/", ""],
  ],
  "the words of an example": [
    [
      "upload disk.img YOU/files:disk",
      2,
      'YOU in "YOU/files:disk" stands for your user name',
      "type that in its place, as in jane/files:disk",
    ],
    [
      "list ghcr.io/YOU/files",
      2,
      'YOU in "ghcr.io/YOU/files" stands for your user name',
      "type that in its place, as in ghcr.io/jane/files",
    ],
  ],
  "a pipe that has a name": [
    [
      "upload pipe PLAIN/me/files:pipe",
      2,
      "cannot store pipe as pipe: pipe is not an ordinary file",
      "store what it gives, as in: cat pipe | layerstash upload - me/files:NAME",
    ],
  ],
  "a file that does not exist": [
    [
      "upload dsik.img PLAIN/me/files:disk",
      3,
      "cannot store dsik.img as disk: there is no file dsik.img",
      "did you mean disk.img?",
    ],
  ],
  "a file whose name is empty": [
    ["alias set PLAIN/me/files:new ", 3, 'cannot set the alias new: there is no file ""', ""],
  ],
  "no login, and a wrong password": [
    [
      "upload disk.img LOCKED/me/files:disk",
      4,
      "cannot store disk.img as disk: LOCKED requires a user name and a password",
      "sign in with: layerstash login LOCKED",
    ],
    [
      "upload other.img ghcr.io/me/files:other",
      4,
      "cannot store other.img as other: ghcr.io answered 401 to the request for an upload of chunk 1: authentication required (UNAUTHORIZED)",
      "sign in with: layerstash login ghcr.io",
    ],
    [
      `list LOCKED/me/files -u ${USER.username} -p wrong`,
      4,
      "cannot list me/files: LOCKED answered 401 to the request for the list of tags of LOCKED/me/files: authentication required (UNAUTHORIZED)",
      "the user name or the token is wrong, or has no right to do this; to sign in again: layerstash login LOCKED",
    ],
    [
      `upload disk.img LOCKED/me/files:disk -u ${USER.username} -p wrong`,
      4,
      "cannot store disk.img as disk: LOCKED answered 401 to the request for the manifest disk-1: authentication required (UNAUTHORIZED)",
      "the user name or the token is wrong, or has no right to do this; to sign in again: layerstash login LOCKED",
    ],
    [
      `login docker -u ${USER.username} -p wrong`,
      4,
      "cannot sign in to docker: the token server SERVER refuses the user name or the password",
      "check the user name; the password is a token, which docker.io makes at https://app.docker.com/settings/personal-access-tokens",
    ],
    [
      `login LOCKED -u ${USER.username} -p wrong`,
      4,
      "cannot sign in to LOCKED: LOCKED refuses the user name or the password",
      "check the user name and the password",
    ],
    [
      "login ghcr",
      2,
      "cannot sign in to ghcr: there is no terminal to ask for the user name",
      'echo "$TOKEN" | layerstash login ghcr.io -u YOU --password-stdin',
    ],
  ],
  "https where http is spoken, and a certificate of one's own": [
    [
      "list https://PLAIN/me/files",
      1,
      "cannot list me/files: PLAIN does not speak TLS",
      "if it speaks plain http, say so in its name: http://PLAIN",
    ],
    [
      "list http://SECURE/me/files",
      1,
      "cannot list me/files: SECURE answered 400 to the request for the list of tags of SECURE/me/files: Client sent an HTTP request to an HTTPS server.",
      "it speaks https: say so in its name, https://SECURE",
    ],
    [
      "list https://SECURE/me/files",
      1,
      "cannot list me/files: SECURE shows a certificate that is not trusted (unable to verify the first certificate)",
      "name your authority, or the certificate itself, with --ca-file; --insecure-skip-tls-verify trusts anybody",
    ],
  ],
  "a chunk, an image or a repository of images where a stored file was meant": [
    [
      "download PLAIN/me/files:disk-1",
      3,
      "cannot download disk-1: disk-1 is a chunk of a stored file, not files",
      "name the stored file, disk",
    ],
    [
      "remove -r me/files --registry PLAIN -t disk-1",
      3,
      "cannot remove disk-1: disk-1 is chunk 1 of the stored file disk",
      "name the stored file: PLAIN/me/files:disk",
    ],
    [
      "verify PLAIN/me/files:v1",
      3,
      "cannot verify v1: v1 is an image or an artifact, not a stored file",
      "layerstash info PLAIN/me/files:v1 says what it is",
    ],
    [
      "remove PLAIN/me/files:v1",
      3,
      "cannot remove v1: v1 is an image or an artifact, not a stored file",
      "to remove this tag alone: layerstash alias remove PLAIN/me/files:v1",
    ],
    [
      "url PLAIN/me/files:v1",
      3,
      "cannot find v1: v1 is an image or an artifact, not a stored file",
      "for its blobs: layerstash url PLAIN/me/files @v1",
    ],
    [
      "download PLAIN/me/files:v1",
      3,
      "cannot download v1: v1 is a container image, not files",
      "layerstash extract takes files out of it, save downloads it, copy copies it",
    ],
    [
      "info PLAIN/me/files:app",
      3,
      "cannot show app: there is no stash app in PLAIN/me/files: app-7 is not a chunk of a stored file",
      "it has: archive, disk, v1",
    ],
  ],
  "sizes and numbers that make no sense": [
    [
      "upload disk.img PLAIN/me/files:disk --chunk-size 0",
      2,
      '--chunk-size does not take "0": leave it out for the usual size, or use bytes, or a number with a unit, such as 500MB or 4.5GiB',
      "(see layerstash upload --help)",
    ],
  ],
  "an option or a file that is given twice": [
    [
      "upload -r me/files -t disk -i disk.img -i other.img",
      2,
      '--infile is given twice: "disk.img" and "other.img"',
      "layerstash upload disk.img other.img ghcr.io/me/files",
    ],
    [
      "download PLAIN/me/files:disk -o copy.img -o copy.img",
      2,
      '--outfile is given twice: "copy.img" and "copy.img"',
      "leave one out: only one counts",
    ],
  ],
  "other bytes under the name": [
    [
      "upload other.img PLAIN/me/files:disk",
      6,
      "cannot store other.img as disk: the tag disk-1 already exists and holds something else",
      "use another name, or --overwrite to replace it: layerstash upload other.img PLAIN/me/files:disk --overwrite",
    ],
    [
      "download PLAIN/me/files:disk other.img",
      6,
      "cannot download disk to other.img: other.img already exists, with other bytes",
      "choose another name, or replace it with --overwrite",
    ],
  ],
};

Deno.test("each mistake is named, with the cure and its exit code", withRegistry, async (t) => {
  await using work = await makeWorkplace();
  await using internet = await startInternet(work.directory);
  await using plain = await startRegistry();
  await using locked = await startRegistry({ auth: "htpasswd" });
  await using secure = await startRegistry({ tls: true });
  await using web = serveWebPage();
  await fill(work, { internet, plain: plain.host });
  const servers = { PLAIN: plain.host, LOCKED: locked.host, SECURE: secure.host, WEB: web.host };
  const named = (text: string) =>
    text.replace(/\b(PLAIN|LOCKED|SECURE|WEB)\b/g, (name) => servers[name as "WEB"]);
  const { DENO_CERT: _, LAYERSTASH_CA_FILE: ca, ...env } = internet.env;
  for (const [title, mistakes] of Object.entries(MISTAKES)) {
    await t.step(title, async () => {
      for (const [line, code, problem, hint] of mistakes) {
        const trusts: Record<string, string> = line.includes("https://SECURE")
          ? {}
          : { LAYERSTASH_CA_FILE: ca! };
        const ended = await work.run(named(line).split(" "), { env: { ...env, ...trusts } });
        const [first, second] = linesOf(ended.stderr);
        assert.deepEqual(
          [ended.code, ended.stdout, first, second],
          [
            code,
            "",
            `layerstash: ${named(problem)}`,
            hint === "" || hint.startsWith("(") ? hint : `hint: ${named(hint)}`,
          ],
          `${line}\n${ended.stderr}`,
        );
      }
    });
  }
});

/** The lines that are printed, without the warning of a typed password; token servers have changing names. */
function linesOf(printed: string): string[] {
  return printed.split("\n").filter((line) => !line.includes("shows the token to everybody"))
    .map((line) => line.replace(/(the token server) \S+/, "$1 SERVER"));
}

/** Stores two files everywhere, and makes what the command lines name. */
async function fill(
  work: Workplace,
  { internet, plain }: { internet: Internet; plain: string },
): Promise<void> {
  const disk = await work.write("disk.img", "bytes!");
  await work.write("other.img", "others");
  await Deno.mkdir(work.path("photos"));
  await Deno.mkdir(work.path("oci")); // what a transport is called, too
  await new Deno.Command("mkfifo", { args: [work.path("pipe")] }).output();
  for (
    const store of [
      openStore({ registry: plain, repository: "me/files" }),
      openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" }),
      internet.open("ghcr", "me/files"),
    ]
  ) {
    using _ = store;
    for (const name of ["archive", "disk"]) await upload(store, name, { input: disk });
  }
  using image = openImage(`${plain}/me/files:v1`);
  for (const tag of ["v1", "app-7"]) await putImage(image.store, tag, [{ bytes: tarOf([]) }]);
}

function serveWebPage(): AsyncDisposable & { host: string } {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } }),
  );
  return { host: `127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("an address without a registry is not taken for one of the registry that a variable names", async () => {
  await using work = await makeWorkplace();
  const list = async (address: string, registry: string) =>
    await work.run(["list", address], {
      env: { LAYERSTASH_REGISTRY: registry, HTTPS_PROXY: "http://127.0.0.1:9" },
    });
  for (
    const [registry, meant] of [["ghcr", "ghcr.io"], ["oci:box", "oci:box"], [
      "host:5000",
      "host:5000",
    ]] as const
  ) {
    const { code, stderr } = await list("me/files", registry);
    assert.deepEqual([code, ...stderr.split("\n").slice(0, 2)], [
      2,
      `layerstash: "me/files" is an address on Docker Hub: LAYERSTASH_REGISTRY, ${registry}, is for -r alone`,
      `hint: layerstash list ${meant}/me/files; or write docker.io/me/files`,
    ]);
  }
  assert.match((await list("oci:box/me/files", "ghcr")).stderr, /there is no directory/);
  assert.doesNotMatch((await list("docker.io/me/files", "ghcr")).stderr, /LAYERSTASH_REGISTRY/);
  const broken = await work.run(["upload", "-r", "x", "-t", "x", "-i", "x"], {
    env: { LAYERSTASH_REGISTRY: "./box" },
  });
  assert.match(broken.stderr, /^layerstash: cannot store x as x: "\.\/box" is not a registry/);
});

Deno.test("a repository that has only images points to what else it has", async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("app")}:v1`);
  await putImage(image.store, "v1", [{ bytes: tarOf([]) }]);
  assert.deepEqual(await work.run(["list", "oci:app"]), {
    code: 0,
    stdout: "",
    stderr: "layerstash: oci:app has no stored files; what else it has: layerstash list oci:app --all\n",
  });
});

Deno.test("the digest of a blob is named as such where a stored file is meant", withRegistry, async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await using registry = await startRegistry(); // it answers 500 to the request for such a manifest
  const place = `${registry.host}/me/files`;
  const { stdout } = await work.run(["blob", "push", "disk.img", place]);
  const address = `${place}@${stdout.trim()}`;
  for (const command of ["info", "download", "url", "verify"]) {
    const { code, stderr } = await work.run([command, address]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /: sha256:\w{64} is a blob, not a stored file\n/);
    assert.ok(stderr.endsWith(`\nhint: layerstash blob pull ${address}\n`), stderr);
  }
});

Deno.test("a file of this directory in the place of an image or a layout is named as what it is", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  const peeked = await work.run(["peek", "disk.img"]);
  assert.match(peeked.stderr, /\nhint: .*for the file disk\.img in this directory, use \.\/disk\.img\n$/);
  const stored = await work.run(["upload", "disk.img", "oci:disk.img"]);
  assert.deepEqual([stored.code, stored.stderr.split("\n")[0]], [
    2,
    'layerstash: "oci:disk.img" is no place to store in: oci: needs a directory, and disk.img is a file',
  ]);
});

Deno.test("what is meant by a registry of many letters is looked for once", () => {
  const word = "a".repeat(5_000_000); // tried with each length of the host, it would take hours
  assert.equal(meantRegistry(`${word}@`), undefined);
  assert.deepEqual(meantRegistry(`${word}/path`), { registry: word, path: "path" });
});

Deno.test("a directory that does not exist, and a link that leads nowhere, are named as what they are", async () => {
  await using work = await makeWorkplace();
  await Deno.symlink("gone.img", work.path("link"));
  await Deno.symlink("gone/key.txt", work.path("away"));
  const cases: [line: string, code: number, problem: string, hint?: string][] = [
    [
      "keygen nodir/key.txt",
      3,
      "cannot make the key nodir/key.txt: nodir/key.txt cannot be written: there is no directory nodir",
      "make it first: mkdir -p nodir",
    ],
    [
      "upload link oci:box:disk",
      3,
      "cannot store link as disk: link is a link to gone.img, which does not exist",
    ],
    [
      "keygen away",
      6,
      "cannot make the key away: away exists, and a key is never replaced",
      "name another file",
    ],
  ];
  for (const [line, code, problem, hint] of cases) {
    const ended = await work.run(line.split(" "));
    const said = `layerstash: ${problem}\n${hint === undefined ? "" : `hint: ${hint}\n`}`;
    assert.deepEqual([ended.code, ended.stderr], [code, said]);
  }
});
