/** A program that counts as installed, in a directory of its own, beside made-up releases. @module */
import assert from "node:assert/strict";
import type { LayerstashError } from "../../lib/errors.ts";
import type { TransferEvent } from "../../lib/events.ts";
import { ReleaseServer } from "../../lib/releases/release_server.ts";
import { findRelease } from "../../lib/releases/releases.ts";
import { upgradeProgram } from "../../lib/releases/upgrade.ts";
import { testClock } from "./clock.ts";
import { type ReleaseRig, type ReleaseRigOptions, startReleases } from "./releases.ts";

/** The system of the installed program. */
export const LINUX = "x86_64-unknown-linux-gnu";
/** The program: its version is 1.1.0. */
export const OLD = "#!/bin/sh\necho 'layerstash v1.1.0'\n";

/** The place. */
export interface Place extends AsyncDisposable {
  directory: string;
  program: string;
  releases: ReleaseRig;
  asked: readonly string[];
  events: TransferEvent[];
  onEvent: ((event: TransferEvent) => unknown) | undefined;
  caCerts: string[] | undefined;
  upgrade(
    options?: { program?: string; target?: string; version?: string; url?: string; signal?: AbortSignal },
  ): Promise<string>;
  /** What the upgrade fails with. */
  failure(options?: { target?: string; url?: string }): Promise<LayerstashError>;
  content(): Promise<string>;
  /** The ranges that were asked for of the program. */
  ranges(): string[];
  names(): string[];
  left(): Promise<string[]>;
  assertUnchanged(): Promise<void>;
}

/** An installed program, and releases. */
export async function makePlace(options: ReleaseRigOptions = {}): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-upgrade-" });
  await Deno.mkdir(`${directory}/bin`);
  const program = `${directory}/bin/layerstash`;
  await Deno.writeTextFile(program, OLD, { mode: 0o755 });
  const releases = startReleases(options);
  const events: TransferEvent[] = [];
  const names = () => Array.from(Deno.readDirSync(`${directory}/bin`), ({ name }) => name);
  const place: Place = {
    directory,
    program,
    releases,
    asked: releases.asked,
    events,
    onEvent: undefined,
    caCerts: undefined,
    async upgrade({ program: other, target = LINUX, version, url = releases.url, signal } = {}) {
      const onEvent = (event: TransferEvent) => {
        events.push(event);
        place.onEvent?.(event);
      };
      const { caCerts } = place;
      using server = new ReleaseServer({ url, clock: testClock(), onEvent, caCerts });
      const release = await findRelease(server, { target, version, signal });
      const upgraded = () =>
        upgradeProgram({ program: other ?? program, target }, { release, server, onEvent, signal });
      // Another test that starts a program at this moment holds the new file open for writing until its own program runs.
      await upgraded().catch((error) => {
        if (!String(error).includes("Text file busy")) throw error;
        return upgraded();
      });
      return release.version;
    },
    failure: (options) =>
      place.upgrade(options).then(() => assert.fail("it did not fail"), (error: LayerstashError) => error),
    content: () => Deno.readTextFile(program),
    ranges: () =>
      releases.asked.filter((each) => each.startsWith("GET /download/")).map((each) =>
        each.split(" ")[2] ?? ""
      ),
    names,
    left: () => Promise.resolve(names()),
    async assertUnchanged() {
      assert.equal(await place.content(), OLD);
      assert.deepEqual(names(), ["layerstash"]);
    },
    async [Symbol.asyncDispose]() {
      await releases[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
  return place;
}
