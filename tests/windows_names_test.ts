/** Which names of files in images can be names on Windows. @module */
import assert from "node:assert/strict";
import { isWindowsPath } from "../lib/images/windows_names.ts";

Deno.test("what Windows takes for a device, a stream, another directory or another name is no name there", () => {
  const bad = ["a:b", "a\\b", "..\\up", "a?", "a*", 'a"', "<a", "a>", "a|b", "a\tb", "a.", "a ", "a/b./c"];
  const devices = ["nul", "CON", "Aux.txt", "usr/prn/x", "com1", "LPT9.tar.gz", "com²", "nul .txt", "conin$"];
  for (const path of [...bad, ...devices]) assert.equal(isWindowsPath(path), false, path);
});

Deno.test("every other name is one on Windows, too", () => {
  const good = [
    "a",
    ".profile",
    "a b/c.d",
    "etc/conf.d",
    "console",
    "com",
    "com10",
    "null",
    "nul-1",
    "aux_",
    "é",
  ];
  for (const path of good) assert.equal(isWindowsPath(path), true, path);
});
