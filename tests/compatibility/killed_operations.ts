/** Transfers that are killed at 95 of 100 MB, and go on: how many bytes move again is counted in between. @module */
import assert from "node:assert/strict";
import { startCountingProxy } from "../rigs/counting_proxy.ts";
import { digestOfFile } from "../rigs/sparse_file.ts";
import type { Operation, Trial } from "./trial.ts";

const SIZE = 100_000_000;
const KILLED_AT = 95_000_000;

/** Kills a transfer together with its connections, runs it again to its end, and notes what moved beyond the size of the file. */
async function killAndGoOn(trial: Trial, name: string, args: string[]): Promise<void> {
  await using proxy = startCountingProxy({ host: trial.server.host });
  const killed = trial.start(args, proxy.host);
  proxy.when(KILLED_AT, () => {
    killed.kill("SIGKILL");
    proxy.cut(); // else the system would still send what it has taken: the rest of the file
  });
  const { signal, stderr } = await killed.output();
  const second = await trial.start(args, proxy.host).output();
  const said = new TextDecoder().decode(second.stderr);
  assert.ok(second.success, `exit code ${second.code} after the kill: ${said}`);
  if (signal === null && proxy.passed.up + proxy.passed.down > SIZE) {
    assert.fail(`the transfer was not killed: ${new TextDecoder().decode(stderr)}`);
  }
  const again = proxy.passed.up + proxy.passed.down - SIZE;
  trial.movedAgain.set(name, signal === null ? "elsewhere" : `${Math.max(0, Math.round(again / 1e6))}`);
}

const files = (trial: Trial, tag: string) => ["-r", trial.repository("files"), "-t", tag];

async function killedUpload(trial: Trial, tag: string, chunkSize: string): Promise<void> {
  const args = ["upload", ...files(trial, tag), "-i", tag, "--chunk-size", chunkSize];
  await killAndGoOn(trial, tag, args);
  await trial.run(["verify", ...files(trial, tag), "--deep"]);
}

/** Kills one of each. */
export const KILLED_OPERATIONS: Record<string, Operation> = {
  "upload of 1 chunk, killed": (trial) => killedUpload(trial, "killed1", "100MB"),
  "upload of 3 chunks, killed": (trial) => killedUpload(trial, "killed3", "40MB"),
  "download, killed": async (trial) => {
    await killAndGoOn(trial, "down", ["download", ...files(trial, "disk"), "-o", "half"]);
    assert.equal(await digestOfFile(trial.place.path("half")), await digestOfFile(trial.place.path("big")));
  },
};
