/** The ways to run the server as a service that its topic shows: each runs as it is written there. @module */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { freePort, listenOn } from "./compatibility/server.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { LineReader } from "./rigs/line_reader.ts";
import { startServer } from "./rigs/served.ts";
import { USER } from "./rigs/user.ts";

const TOPIC = await Deno.readTextFile(new URL("../lib/cli/help/serve.md", import.meta.url));

/** A block of the topic, by a line of it. */
function blockWith(line: string): string {
  const blocks = TOPIC.matchAll(/^```\w+\n(.*?)^```$/gms).map(([, text = ""]) => text);
  return blocks.find((text) => text.includes(line)) ?? assert.fail(`no block has ${line}`);
}

/** A text in which some words stand for others; each has to be in it. */
function replaced(text: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce((changed, [from, to]) => {
    assert.ok(changed.includes(from), from);
    return changed.replaceAll(from, to);
  }, text);
}

/** Stores a file through a front, brings it back, and looks at its page. */
async function requireWorking(work: Workplace, { port, ca }: { port: number; ca: string }): Promise<void> {
  await work.write("disk.img", someBytes(3_000_000)); // more than nginx takes by itself
  const address = `https://localhost:${port}/me/files:disk`;
  for (const line of [`upload disk.img ${address}`, `download ${address} copy.img`]) {
    const { code, stderr } = await work.run([...line.split(" "), "--ca-file", ca]);
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual(await Deno.readFile(work.path("copy.img")), someBytes(3_000_000));
  const url = `https://localhost:${port}/files/me/files/disk`;
  const curl = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("curl", { args: ["-sSf", "--cacert", ca, ...args] })
      .output();
    assert.ok(success, args.join(" "));
    return stdout;
  };
  assert.deepEqual(
    await curl("-r", "1000000-1000009", url),
    someBytes(3_000_000).slice(1_000_000, 1_000_010),
  );
  const page = new TextDecoder().decode(await curl(`${url}?view`));
  assert.ok(
    page.includes(`curl -C - -o disk ${url}`),
    "the page shows the address by which it was asked for",
  );
  assert.ok(
    page.includes(`layerstash download ${address}`),
    "with the scheme, which is unusual for localhost",
  );
}

const withNginx = { ignore: !await ensureTool("nginx", "nginx") || !await ensureTool("curl", "curl") };

Deno.test(
  "behind nginx with TLS, files go in and out, and pages show the right addresses",
  withNginx,
  async () => {
    await using work = await makeWorkplace();
    const { certificatePath, keyPath, caPath } = await makeServerCertificate(work.directory);
    await using server = await startServer([`oci:${work.path("box")}`]);
    const port = freePort();
    const documented = replaced(blockWith("proxy_pass"), {
      "listen 443": `listen 127.0.0.1:${port}`,
      "files.example.com": "localhost",
      "/etc/ssl/files.pem": certificatePath,
      "/etc/ssl/files.key": keyPath,
      "127.0.0.1:5000": server.host,
    });
    const own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${work.path(name)};`
    );
    await work.write(
      "nginx.conf",
      `daemon off; pid ${work.path("pid")}; error_log stderr;\nevents {}\nhttp { access_log off; ${
        own.join(" ")
      }\n${documented}}`,
    );
    await using _nginx = await listenOn(port, ["nginx", "-e", "stderr", "-c", work.path("nginx.conf")]);
    await requireWorking(work, { port, ca: caPath });
  },
);

const withCaddy = { ignore: !await ensureTool("caddy", "caddy") || !await ensureTool("curl", "curl") };

Deno.test("behind Caddy, files go in and out, and pages show the right addresses", withCaddy, async () => {
  await using work = await makeWorkplace();
  await using server = await startServer([`oci:${work.path("box")}`]);
  const port = freePort();
  const documented = replaced(blockWith("reverse_proxy"), {
    "files.example.com": "localhost",
    "127.0.0.1:5000": server.host,
  });
  // Its own authority stands for a public one, and it uses no directory and no port of the machine.
  const options = `{
  admin off
  auto_https disable_redirects
  default_bind 127.0.0.1
  https_port ${port}
  local_certs
  skip_install_trust
  storage file_system ${work.path("caddy")}
}
`;
  await work.write("Caddyfile", options + documented);
  const config = ["--config", work.path("Caddyfile"), "--adapter", "caddyfile"];
  const env = { HOME: work.directory, XDG_CONFIG_HOME: work.directory, XDG_DATA_HOME: work.directory };
  await using _caddy = await listenOn(port, ["caddy", "run", ...config], { env });
  await requireWorking(work, { port, ca: work.path("caddy/pki/authorities/local/root.crt") });
});

Deno.test("the command lines of the unit and of the container serve with a password, and end at SIGTERM", async () => {
  const unit = /^ExecStart=\S+ (.*)$/m.exec(blockWith("ExecStart="))![1]!;
  const { services } = parse(blockWith("compose.yml"));
  const container = services.layerstash.command.replace("run -A jsr:@layerstash/cli ", "");
  const lines = [
    replaced(unit, { "/etc/layerstash.htpasswd": "users", "oci:/srv/layerstash": "oci:box" }),
    replaced(container, { "/users": "users", "oci:/box": "oci:box", "--listen 0.0.0.0:5000": "" }),
  ];
  for (const line of lines) {
    await using work = await makeWorkplace();
    await work.write("users", `${USER.htpasswd}\n`);
    const child = work.start([...line.split(" ").filter((word) => word !== ""), "--listen", "127.0.0.1:0"]);
    const log = new LineReader();
    const read = log.read(child.stderr);
    const [, url] = /at (http:\S+)$/.exec(await log.find((each) => / at http:/.test(each)) ?? "")!;
    const authorization = `Basic ${btoa(`${USER.username}:${USER.password}`)}`;
    for (const [headers, status] of [[{}, 401], [{ authorization }, 200]] as const) {
      const answer = await fetch(`${url}v2/`, { headers });
      await answer.body?.cancel();
      assert.equal(answer.status, status, line);
    }
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, line);
    await Promise.all([read, child.stdout.cancel()]);
  }
});

const withSystemd = { ignore: !await ensureTool("systemd-analyze", "systemd") };

Deno.test("systemd finds nothing wrong with the unit", withSystemd, async () => {
  await using work = await makeWorkplace();
  const unit = replaced(blockWith("ExecStart="), { "/usr/local/bin/layerstash": Deno.execPath() });
  const path = await work.write("layerstash.service", unit);
  const { code, stderr } = await new Deno.Command("systemd-analyze", { args: ["verify", "--man=no", path] })
    .output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
});
