/** Signals that ask the program to end: the first stops it cleanly, the second at once, and ignored ones never. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { commandWords, makeWorkplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { linesOf } from "./rigs/line_reader.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const INTERRUPT = new URL("../lib/cli/terminal/interrupt.ts", import.meta.url).href;

/** Sends a signal to an upload whose last request is on its way; then that is answered, if the upload goes on. */
async function uploadWith(signal: Deno.Signal, under: string[], goesOn: boolean) {
  await using work = await makeWorkplace();
  const [stuck, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const onRequest = async ({ method }: { method: string }) => {
    if (method !== "PUT") return;
    stuck.resolve();
    await release.promise;
  };
  await using registry = await startFakeRegistry({ faults: { onRequest } });
  await work.write("disk.img", "0123456789");
  const args = ["upload", "--registry", registry.url, "-r", "me/files", "-t", "disk", "-i", "disk.img"];
  const child = work.start(args, { under });
  await stuck.promise;
  child.kill(signal);
  if (goesOn) release.resolve();
  const { code, stderr } = await child.output();
  release.resolve();
  return { code, said: new TextDecoder().decode(stderr) };
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends an upload cleanly`, onPosix("signals"), async () => {
    const { code, said } = await uploadWith(signal, [], false);
    assert.equal(code, 130);
    assert.match(said, /^layerstash: cannot store disk\.img as disk: interrupted\nhint: /);
  });
}

Deno.test(
  "an upload of standard input before its first byte says that nothing is stored",
  onPosix("signals"),
  async () => {
    await using work = await makeWorkplace();
    const asked = Promise.withResolvers<void>();
    await using registry = await startFakeRegistry({
      faults: { onRequest: () => asked.resolve() },
    });
    const child = work.start(["upload", "-", `${registry.url}/me/files:disk`], { stdin: new Uint8Array() });
    await asked.promise;
    child.kill("SIGINT");
    const { stderr } = await child.output();
    await child.stdin.close();
    assert.match(
      new TextDecoder().decode(stderr),
      /\nhint: nothing is stored yet; go on with: layerstash upload - /,
    );
  },
);

for (const signal of ["SIGHUP", "SIGINT"] as const) {
  Deno.test(
    `${signal} that was ignored at the start, as under nohup, stays ignored`,
    onLinux("SigIgn"),
    async () => {
      const under = ["sh", "-c", `trap "" ${signal.slice(3)}; exec "$@"`, "sh"];
      const { code, said } = await uploadWith(signal, under, true);
      assert.equal(code, 0, said);
    },
  );
}

Deno.test("the second Ctrl-C ends at once what the first one does not end", onPosix("signals"), async () => {
  const script = `
    import { listenForInterrupt } from ${JSON.stringify(INTERRUPT)};
    using interrupt = listenForInterrupt();
    interrupt.signal.addEventListener("abort", () => console.log("first"));
    console.log("ready");
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const config = join(import.meta.dirname!, "../deno.json");
  const [program, ...rest] = commandWords([]).slice(0, 3);
  const child = new Deno.Command(program!, {
    args: [...rest, "--config", config, "--ext=ts", `data:text/typescript,${encodeURIComponent(script)}`],
    stdout: "piped",
  }).spawn();
  const said = [];
  for await (const line of linesOf(child.stdout)) {
    said.push(line);
    child.kill("SIGINT");
  }
  assert.deepEqual([said, (await child.status).code], [["ready", "first"], 130]);
});
