/** What is done with blobs and aliases at every server, in this order. @module */
import assert from "node:assert/strict";
import { digestOf } from "../../lib/oci/digest.ts";
import { someBytes } from "../rigs/content.ts";
import type { Operation, Trial } from "./trial.ts";

const BYTES = someBytes(300_000, 5);
const DIGEST = digestOf(BYTES);
const OTHER = someBytes(200_000, 6);

const on = (trial: Trial) => ["-r", trial.repository("data")];
const pull = (trial: Trial, ...args: string[]) => trial.bytes(["blob", "pull", ...on(trial), ...args]);

/** Blobs, aliases, and what is printed about them. */
export const BLOB_OPERATIONS: Record<string, Operation> = {
  "blob push": async (trial) => {
    await trial.place.write("blob", BYTES);
    assert.equal(await trial.run(["blob", "push", ...on(trial), "-i", "blob"]), `${DIGEST}\n`);
  },
  "blob push of standard input, with an alias": async (trial) => {
    const printed = await trial.run(["blob", "push", ...on(trial), "--alias", "other"], OTHER);
    assert.equal(printed, `${digestOf(OTHER)}\n`);
  },
  "blob push again": async (trial) => {
    assert.equal(await trial.run(["blob", "push", ...on(trial), "-i", "blob"]), `${DIGEST}\n`);
  },
  "blob pull": async (trial) => assert.deepEqual(await pull(trial, DIGEST), BYTES),
  "blob pull --range": async (trial) => {
    assert.deepEqual(await pull(trial, DIGEST, "--range", "1000-1999"), BYTES.slice(1000, 2000));
  },
  "blob size": async (trial) => {
    assert.equal(await trial.run(["blob", "size", ...on(trial), DIGEST]), "300000\n");
  },
  "blob mount": async (trial) => {
    const there = ["-r", trial.repository("mounted")];
    await trial.run(["blob", "mount", ...there, "--from", trial.repository("data"), DIGEST, "--alias", "m"]);
    assert.deepEqual(await trial.bytes(["blob", "pull", ...there, DIGEST]), BYTES);
  },
  "alias set": async (trial) => {
    await trial.run(["alias", "set", ...on(trial), "one", DIGEST]);
    await trial.run(["alias", "set", ...on(trial), "two", DIGEST, digestOf(OTHER)]);
  },
  "alias get": async (trial) => {
    const printed = await trial.run(["alias", "get", ...on(trial), "two"]);
    assert.equal(printed, `${DIGEST}\n${digestOf(OTHER)}\n`);
  },
  "alias list": async (trial) => {
    const printed = await trial.run(["alias", "list", ...on(trial)]); // in the order of the server
    assert.deepEqual(printed.trim().split("\n").sort(), ["one", "other", "two"]);
  },
  "blob pull of an alias": async (trial) => {
    assert.deepEqual(await pull(trial, "@two"), new Uint8Array([...BYTES, ...OTHER]));
  },
  "digest": async (trial) => {
    assert.match(await trial.run(["digest", ...on(trial), "one"]), /^sha256:/);
  },
  "manifest": async (trial) => {
    const printed = await trial.run(["manifest", ...on(trial), "one"]);
    assert.equal(JSON.parse(printed).layers[0].digest, DIGEST);
  },
  "repos": async (trial) => {
    const printed = await trial.run(["repos"]);
    assert.ok(printed.split("\n").includes(trial.repository("data")), `it printed: ${printed}`);
  },
  "token": async (trial) => {
    const args = ["token", ...on(trial), "pull"];
    if (!trial.server.givesTokens) return await trial.says(args, /uses no tokens/);
    assert.match(await trial.run(args), /^\S{20,}\n$/);
  },
  "url of a blob": async (trial) => {
    assert.match(await trial.run(["url", ...on(trial), DIGEST]), new RegExp(`blobs/${DIGEST}`));
  },
  "alias remove": async (trial) => {
    assert.equal(await trial.run(["alias", "remove", ...on(trial), "one"]), `${DIGEST}\n`);
    await trial.fails(["alias", "get", ...on(trial), "one"], 3);
  },
  "a sibling of a removed alias lives": async (trial) => {
    assert.equal((await pull(trial, "@two")).length, BYTES.length + OTHER.length);
  },
  "blob remove": async (trial) => {
    await trial.run(["blob", "push", ...on(trial), "-i", "small"]);
    const digest = digestOf(await Deno.readFile(trial.place.path("small")));
    assert.equal(await trial.run(["blob", "remove", ...on(trial), digest]), `${digest}\n`);
    await trial.fails(["blob", "size", ...on(trial), digest], 3);
  },
};
