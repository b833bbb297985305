/** The package of this checkout, as JSR serves it. @module */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGE = `/${config.name}`;

/** Answers requests for `https://jsr.io/@layerstash/cli/...`; see JSR's documentation of its API. */
export function serveJsr(path: string): Response {
  const files = packageFiles();
  const version = `${PACKAGE}/${config.version}`;
  if (path === `${PACKAGE}/meta.json`) {
    const [scope, name] = config.name.slice(1).split("/");
    return Response.json({ scope, name, latest: config.version, versions: { [config.version]: {} } });
  }
  if (path === `${version}_meta.json`) {
    const manifest = Object.fromEntries([...files].map(([file, text]) => [file, describe(text)]));
    return Response.json({ manifest, exports: config.exports });
  }
  const text = path.startsWith(`${version}/`) ? files.get(path.slice(version.length)) : undefined;
  if (text === undefined) return new Response("not found", { status: 404 });
  const type = path.endsWith(".json") ? "application/json" : "text/typescript";
  return new Response(text, { headers: { "content-type": type } });
}

let read: Map<string, string> | undefined;

/** The files of the package by their paths, with specifiers as JSR writes them when a package is published. */
function packageFiles(): Map<string, string> {
  return read ??= new Map(
    config.publish.include.flatMap((path) => filesUnder(path)).map((path) => [
      `/${path}`,
      withWholeSpecifiers(Deno.readTextFileSync(ROOT + path)),
    ]),
  );
}

function filesUnder(path: string): string[] {
  if (config.publish.exclude.includes(path)) return [];
  if (Deno.statSync(ROOT + path).isFile) return [path];
  return Array.from(Deno.readDirSync(ROOT + path)).flatMap(({ name }) => filesUnder(`${path}/${name}`));
}

/** The import map stays behind: each name in it is replaced by what it stands for. */
function withWholeSpecifiers(text: string): string {
  return Object.entries(config.imports).reduce(
    (whole, [name, target]) =>
      whole.replaceAll(new RegExp(`(from |import\\()"${name}(/[^"]*)?"`, "g"), `$1"${target}$2"`),
    text,
  );
}

function describe(text: string): { size: number; checksum: string } {
  const bytes = new TextEncoder().encode(text);
  return { size: bytes.length, checksum: `sha256-${createHash("sha256").update(bytes).digest("hex")}` };
}
