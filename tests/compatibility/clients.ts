/** Lets other clients read what layerstash writes, and layerstash what they write, and prints two tables. @module */
import assert from "node:assert/strict";
import { ensureTool } from "../rigs/debian.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import { type Client, ClientPrograms } from "./client_programs.ts";
import { hasBlob, readingCommand, type Written } from "./client_readers.ts";
import { CLIENT_EXPECTATIONS } from "./expectations.ts";
import { describeFailures, type Failures, markdownTable, print, surprises } from "./report.ts";
import { MOTD } from "./sample_images.ts";
import { openServer } from "./server.ts";
import { Trial } from "./trial.ts";
import { type Foreign, foreignThings } from "./written_by_clients.ts";
import { writeForClients } from "./written_here.ts";

/**
 * Tries all clients that are found or can be built, with a registry and with layouts.
 *
 * @returns how many results were not as expected
 */
export async function tryClients(): Promise<number> {
  if (!await ensureTool("docker-registry", "docker-registry")) return 0;
  await using registry = await startRegistry();
  await using trial = await Trial.begin(openServer(registry.host));
  const programs = await ClientPrograms.find(trial.place.directory);
  const failures: Failures = new Map();
  const tried: string[] = [];
  const attempt = async (name: string, action: () => Promise<void>): Promise<string> => {
    tried.push(name);
    try {
      await action();
      return "yes";
    } catch (error) {
      failures.set(name, (error as Error).message);
      return "no";
    }
  };
  await theyRead(trial, programs, attempt);
  await weRead(trial, programs, attempt);
  const odd = surprises(failures, CLIENT_EXPECTATIONS, tried);
  print(`\n${describeFailures(failures, CLIENT_EXPECTATIONS)}`);
  odd.forEach(print);
  return odd.length;
}

type Attempt = (name: string, action: () => Promise<void>) => Promise<string>;

async function theyRead(trial: Trial, programs: ClientPrograms, attempt: Attempt): Promise<void> {
  const rows: string[][] = [];
  for (const [index, written] of (await writeForClients(trial)).entries()) {
    const row = [written.title];
    for (const client of programs.found) {
      const command = readingCommand(client, written, `read-${client}-${index}`);
      row.push(
        command
          ? await attempt(`${client} reads: ${written.title}`, async () => {
            await programs.run(command);
            await requireRead(trial, client, written, `read-${client}-${index}`);
          })
          : "-",
      );
    }
    rows.push(row);
  }
  const titles = await Promise.all(programs.found.map((client) => programs.title(client)));
  print(`\n${markdownTable(["layerstash wrote; read by:", ...titles], rows)}`);
}

/** Podman keeps images in a form of its own, and has verified their digests; umoci unpacks them. */
async function requireRead(trial: Trial, client: Client, { blob }: Written, out: string): Promise<void> {
  if (client === "podman") return;
  const path = trial.place.path(out);
  if (client !== "umoci") return assert.ok(await hasBlob(path, blob), `${blob} did not arrive`);
  assert.equal(await Deno.readTextFile(`${path}/rootfs/etc/motd`), MOTD);
}

async function weRead(trial: Trial, programs: ClientPrograms, attempt: Attempt): Promise<void> {
  await trial.place.write("motd", MOTD);
  const rows: string[][] = [];
  for (const foreign of foreignThings(trial.server.host)) {
    if (!programs.found.includes(foreign.client)) continue;
    const name = `layerstash reads: ${foreign.title} of ${foreign.client}`;
    const result = await attempt(name, async () => {
      for (const command of foreign.commands) await programs.run(command);
      await readForeign(trial, foreign);
    });
    rows.push([await programs.title(foreign.client), foreign.title, result]);
  }
  print(`\n${markdownTable(["written by", "what", "read by layerstash"], rows)}`);
}

async function readForeign(trial: Trial, { image, isArtifact }: Foreign): Promise<void> {
  await trial.run(["inspect", image]);
  const file = isArtifact ? "disk.img" : "etc/motd";
  const expected = isArtifact
    ? await Deno.readFile(trial.place.path("disk.img"))
    : new TextEncoder().encode(MOTD);
  assert.deepEqual(await trial.bytes(["extract", image, file, "-o", "-"]), new Uint8Array(expected));
  if (!isArtifact) assert.match(await trial.run(["peek", image]), /etc\/motd/);
  const copy = `copy-${crypto.randomUUID()}`;
  await trial.run(["copy", image, `oci:${copy}:t`]);
  assert.equal(
    await trial.run(["inspect", "--raw", `oci:${copy}:t`]),
    await trial.run(["inspect", "--raw", image]),
  );
}
