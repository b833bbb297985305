/** What is done with stored files at every server, in this order. @module */
import assert from "node:assert/strict";
import { someBytes } from "../rigs/content.ts";
import { digestOfFile } from "../rigs/sparse_file.ts";
import { runProgram } from "../rigs/tar.ts";
import type { Operation, Trial } from "./trial.ts";

const CHUNK = ["--chunk-size", "40MB"];
const PIECE = someBytes(1_000_000, 3);

const files = (trial: Trial, tag: string) => ["-r", trial.repository("files"), "-t", tag];
const upload = (trial: Trial, tag: string, file: string) => ["upload", ...files(trial, tag), "-i", file];

/** Downloads a file, whose bytes have to be those of another. */
async function comesBack(trial: Trial, where: string[], file: string): Promise<void> {
  await trial.run(["download", ...where, "-o", "back"]);
  assert.equal(await digestOfFile(trial.place.path("back")), await digestOfFile(trial.place.path(file)));
  await Deno.remove(trial.place.path("back"));
}

/** Stores, looks at and fetches files. */
export const FILE_OPERATIONS: Record<string, Operation> = {
  "upload a file of 3 chunks": (trial) =>
    trial.says([...upload(trial, "disk", "big"), ...CHUNK], /in 3 chunks/),
  "upload it again": (trial) =>
    trial.says([...upload(trial, "disk", "big"), ...CHUNK], /nothing had to be sent/),
  "upload standard input": (trial) => trial.says(upload(trial, "pipe", "-"), /in 1 chunk/, PIECE),
  "upload standard input again": (trial) =>
    trial.says(upload(trial, "pipe", "-"), /nothing had to be sent/, PIECE),
  "upload an empty file": (trial) => trial.says(upload(trial, "empty", "nothing"), /stored empty/),
  "upload another file of that name": (trial) => trial.fails(upload(trial, "pipe", "small"), 6),
  "upload with --overwrite": async (trial) => {
    await trial.run(upload(trial, "other", "small"));
    await trial.run([...upload(trial, "other", "small2"), "--overwrite"]);
    await comesBack(trial, files(trial, "other"), "small2");
  },
  "list": async (trial) => {
    const printed = await trial.run(["list", "-r", trial.repository("files")]);
    assert.match(printed, /^disk +3$/m);
  },
  "list --exact-size --json": async (trial) => {
    const listed = JSON.parse(
      await trial.run(["list", "-r", trial.repository("files"), "--exact-size", "--json"]),
    );
    assert.match(JSON.stringify(listed), /100000000/);
  },
  "list and verify a file of 12 chunks": async (trial) => {
    await trial.says([...upload(trial, "many", "-"), "--chunk-size", "90KB"], /in 12 chunks/, PIECE);
    assert.match(await trial.run(["list", "-r", trial.repository("files")]), /^many +12$/m);
    await trial.run(["verify", ...files(trial, "many"), "--deep"]);
  },
  "info": async (trial) => assert.match(await trial.run(["info", ...files(trial, "disk")]), /disk-3/),
  "info of what does not exist": (trial) => trial.fails(["info", ...files(trial, "nowhere")], 3),
  "verify": async (trial) => assert.match(await trial.run(["verify", ...files(trial, "disk")]), /is OK/),
  "verify --deep": async (trial) => {
    assert.match(await trial.run(["verify", ...files(trial, "disk"), "--deep"]), /every byte was read/);
  },
  "verify -i of the file": async (trial) => {
    await trial.run(["verify", ...files(trial, "disk"), "-i", "big"]);
  },
  "verify -i of another file": (trial) => trial.fails(["verify", ...files(trial, "disk"), "-i", "small"], 5),
  "download a file": (trial) => comesBack(trial, files(trial, "disk"), "big"),
  "download to standard output": async (trial) => {
    assert.deepEqual(await trial.bytes(["download", ...files(trial, "pipe"), "-o", "-"]), PIECE);
  },
  "download an empty file": (trial) => comesBack(trial, files(trial, "empty"), "nothing"),
  "download what does not exist": (trial) =>
    trial.fails(["download", ...files(trial, "nowhere"), "-o", "x"], 3),
  "restore with the script of url": async (trial) => {
    await Deno.writeTextFile(
      trial.place.path("restore.sh"),
      await trial.run(["url", ...files(trial, "disk")]),
    );
    const token = await trial.server.secretsOfScript?.(trial) ?? [];
    await runProgram("env", ["-C", trial.place.directory, ...token, "sh", "restore.sh", "restored"]);
    assert.equal(
      await digestOfFile(trial.place.path("restored")),
      await digestOfFile(trial.place.path("big")),
    );
  },
};

const stash = (trial: Trial, repository: string, tag: string) => `${trial.image(repository)}:${tag}`;

/** Copies and removes stored files. */
export const COPY_AND_REMOVE_OPERATIONS: Record<string, Operation> = {
  "copy --stash to a directory": async (trial) => {
    await trial.run(["copy", "--stash", stash(trial, "files", "disk"), "oci:box/files:disk"]);
    await comesBack(trial, ["--registry", "oci:box", "-r", "files", "-t", "disk"], "big");
  },
  "copy --stash back": async (trial) => {
    await trial.run(["copy", "--stash", "oci:box/files:disk", stash(trial, "files", "back")]);
    await trial.run(["verify", ...files(trial, "back"), "--deep"]);
  },
  "copy --stash to another repository": async (trial) => {
    await trial.run(["copy", "--stash", stash(trial, "files", "disk"), stash(trial, "second", "disk")]);
    await comesBack(trial, ["-r", trial.repository("second"), "-t", "disk"], "big");
  },
  "remove a file": async (trial) => {
    const removed = await trial.run(["remove", ...files(trial, "disk")]);
    assert.equal(removed, "disk-3\ndisk-2\ndisk-1\n");
  },
  "remove a file of 12 chunks": async (trial) => {
    const removed = await trial.run(["remove", ...files(trial, "many")]);
    assert.equal(removed.trim().split("\n").length, 12, `it removed: ${removed}`);
  },
  "a removed file is gone": (trial) => trial.fails(["info", ...files(trial, "disk")], 3),
  "its copy is whole": async (trial) => {
    await trial.run(["verify", "-r", trial.repository("second"), "-t", "disk", "--deep"]);
  },
  "other files are whole": async (trial) => {
    await trial.run(["verify", ...files(trial, "other"), "--deep"]);
  },
  "upload a removed file again": async (trial) => {
    await trial.run([...upload(trial, "disk", "big"), ...CHUNK]);
    await comesBack(trial, files(trial, "disk"), "big");
  },
};
