/** Directories to be stored as folders, and what tells whether two are the same. @module */
import assert from "node:assert/strict";
import { someBytes } from "./content.ts";
import { runProgram } from "./tar.ts";

/** What stands in a folder that tries everything: names, links, sizes, modes and times. Python knows names as bytes. */
const MAKE_ODD_FOLDER = `
import os, sys
os.chdir(os.fsencode(sys.argv[1]))
def put(name, content=b"x", mode=0o644, at=1_600_000_000_123_456_789):
    os.makedirs(os.path.dirname(name) or b".", exist_ok=True)
    with open(name, "wb") as file: file.write(content)
    os.chmod(name, mode)
    os.utime(name, ns=(at, at))
names = [b"plain.txt", b"caf\\xe9.txt", "grün/über.txt".encode(), b"with\\nnewline", b"-dash", b"long/" + b"d" * 200 + b"/" + b"f" * 250,
         b"bad-\\xff\\xfe/" + b"g" * 120, "\\ufffd real".encode(), b"a b/'quote'\\"", b"tool"]
order = names if sys.argv[2] == "forwards" else names[::-1]
for name in order: put(name, b"content of " + name)
put(b"empty", b"")
put(b"setuid", b"s", 0o4755)
put(b"closed", b"c", 0o000)
put(b"old", b"o", at=-1_500_000_000)
put(b"whole-second", b"o", at=1_600_000_000_000_000_000)
put(b"zeros", bytes(9_000_000))
put(b"b-first", b"linked")
os.link(b"b-first", b"a/second" if os.path.isdir(b"a") else b"zz-second")
os.symlink(b"nowhere/at/all", b"dangling")
os.symlink(b"caf\\xe9.txt", b"link-\\xe9")
os.symlink(b"t" * 300, b"long-link")
os.makedirs(b"hollow/deep")
os.mkfifo(b"pipe")
for root, dirs, files in os.walk(b".", topdown=False):
    for each in dirs + files:
        path = os.path.join(root, each)
        if os.path.islink(path): os.utime(path, ns=(1_500_000_000_000_000_001,) * 2, follow_symlinks=False)
    os.chmod(root, 0o1777 if root == b"./hollow" else 0o755)
    os.utime(root, ns=(1_400_000_000_987_654_321,) * 2)
`;

/** Fills a directory with what is hard to store. Its pipe is not to come back. */
export async function makeOddFolder(
  directory: string,
  { order = "forwards" }: { order?: "forwards" | "backwards" } = {},
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const film = `${directory}/film`;
  await Deno.writeFile(film, someBytes(10_000_000)); // nothing compresses it
  await Deno.utime(film, 1_600_000_000, 1_600_000_000);
  await Deno.chmod(film, 0o640);
  await runProgram("python3", ["-c", MAKE_ODD_FOLDER, directory, order]);
}

/** Names that stand in an unpacked image beside what was stored. */
const OF_THE_FORMAT = ["./.no.prefetch.landmark", "./stargz.index.json"];

/** What tells the state of everything in a directory: type, mode, time, names and target of each, and the digests of files. */
export async function folderState(
  directory: string,
  { fraction = true, times = true }: { fraction?: boolean; times?: boolean } = {},
): Promise<string[]> {
  const time = times ? fraction ? "%T@" : "%Ts" : "";
  const format = `%p|%y|%m|${time}|%l|%s\\0`;
  const options = { cwd: directory };
  const found = latin(await runProgram("find", [".", "!", "-type", "p", "-printf", format], options));
  const digests = latin(
    await runProgram("find", [".", "-type", "f", "-exec", "sha256sum", "-z", "{}", "+"], options),
  );
  const lines = found.split("\0").slice(0, -1)
    .map((line) => line.includes("|d|") ? line.slice(0, line.lastIndexOf("|")) : line);
  const state = [
    ...lines,
    ...digests.split("\0").slice(0, -1).map((line) => `${line.slice(66)} ${line.slice(0, 64)}`),
  ];
  assert.ok(state.length > 2, "nothing was found");
  return state.filter((line) => !OF_THE_FORMAT.some((name) => line.startsWith(name))).sort();
}

function latin(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
