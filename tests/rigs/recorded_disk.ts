/** Records what is asked of the disk: which files and directories are synced, and which get a name. @module */
import assert from "node:assert/strict";
import { dirname, resolve } from "node:path";

/** Calls in the order in which they ended. It ends with the block. */
export interface RecordedDisk extends Disposable {
  /** `sync PATH` and `name OLD NEW`, with absolute paths. */
  readonly calls: string[];
  /** Makes sure that a file was synced before it got its name, and its directory after that. */
  requireDurable(path: string): void;
  /** Makes sure that the directory was synced after the file got its name. */
  requireDurableName(path: string): void;
}

/** Begins to record. */
export function recordDisk(): RecordedDisk {
  const { open, openSync, rename, renameSync, link, linkSync, symlinkSync } = Deno;
  const prototype = Deno.FsFile.prototype;
  const { sync, syncSync, syncData } = prototype;
  const calls: string[] = [];
  const paths = new WeakMap<Deno.FsFile, string>();
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    paths.set(file, resolve(`${path}`));
    return file;
  };
  Deno.openSync = (path, options) => {
    const file = openSync(path, options);
    paths.set(file, resolve(`${path}`));
    if (options?.createNew) calls.push(`name new ${resolve(`${path}`)}`);
    return file;
  };
  prototype.syncSync = function () {
    syncSync.call(this);
    calls.push(`sync ${paths.get(this)}`);
  };
  for (const [name, real] of [["sync", sync], ["syncData", syncData]] as const) {
    prototype[name] = async function () {
      await real.call(this);
      calls.push(`sync ${paths.get(this)}`);
    };
  }
  const named = (from: string | URL, to: string | URL) =>
    calls.push(`name ${resolve(`${from}`)} ${resolve(`${to}`)}`);
  Deno.rename = async (from, to) => {
    await rename(from, to);
    named(from, to);
  };
  // A directory takes the names in it along.
  Deno.renameSync = (from, to) => {
    renameSync(from, to);
    const [old, now] = [resolve(`${from}`), resolve(`${to}`)];
    for (const call of [...calls]) {
      const [kind, , path] = call.split(" ");
      if (kind === "name" && path!.startsWith(`${old}/`)) {
        calls.push(`name ${path} ${now}${path!.slice(old.length)}`);
      }
    }
    named(from, to);
  };
  Deno.link = async (from, to) => {
    await link(from, to);
    named(from, to);
  };
  Deno.linkSync = (from, to) => {
    linkSync(from, to);
    named(from, to);
  };
  Deno.symlinkSync = (target, path, options) => {
    symlinkSync(target, path, options);
    calls.push(`name ${target} ${resolve(`${path}`)}`);
  };
  const naming = (path: string) => {
    const index = calls.findLastIndex((call) =>
      call.startsWith("name ") && call.endsWith(` ${resolve(path)}`)
    );
    assert.ok(index >= 0, `${path} got a name: ${calls.join("\n")}`);
    return { index, from: calls[index]!.split(" ")[1]! };
  };
  const requireDurableName = (path: string) => {
    const after = calls.slice(naming(path).index);
    assert.ok(
      after.includes(`sync ${dirname(resolve(path))}`),
      `the name of ${path} is synced: ${calls.join("\n")}`,
    );
  };
  return {
    calls,
    requireDurableName,
    requireDurable(path) {
      const { index, from } = naming(path);
      assert.ok(calls.slice(0, index).includes(`sync ${from}`), `${path} is synced: ${calls.join("\n")}`);
      requireDurableName(path);
    },
    [Symbol.dispose]() {
      Object.assign(Deno, { open, openSync, rename, renameSync, link, linkSync, symlinkSync });
      Object.assign(prototype, { sync, syncSync, syncData });
    },
  };
}
