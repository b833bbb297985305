/** A made-up server of releases, which answers as the releases of GitHub do. @module */
import { createHash } from "node:crypto";
import { programName, TARGETS } from "../../lib/releases/released_program.ts";

/** What the server is to be. */
export interface ReleaseRigOptions {
  /** The versions that there are, the latest last. */
  versions?: readonly string[];
  /** Answers in place of the usual; `usual` is what would have been answered. */
  answer?: (asked: AskedFile, usual: () => Response) => Response | Promise<Response>;
  /** Speaks https with this certificate. */
  tls?: { cert: string; key: string };
}

/** What was asked for. */
export interface AskedFile {
  request: Request;
  /** As in `/latest/download/SHA256SUMS`. */
  path: string;
  /** Whether it is a program. */
  isProgram: boolean;
}

/** The running server. */
export interface ReleaseRig extends AsyncDisposable {
  /** Its address, as in `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What was asked, as in `GET /latest/download/SHA256SUMS`, with the range where there was one. */
  readonly asked: string[];
}

/** Large enough for a connection to break in the middle of it, in bytes. */
const PADDING = 300_000;

/** A program of a release: a script that tells its version. */
export function releasedProgram(version: string, target: string): string {
  return `#!/bin/sh\n# ${target}\necho "layerstash v${version}"\nexit 0\n${"#".repeat(PADDING)}\n`;
}

/** Starts the server. */
export function startReleases(
  { versions = ["1.0.0", "1.2.3"], answer = (_asked, usual) => usual(), tls }: ReleaseRigOptions = {},
): ReleaseRig {
  const asked: string[] = [];
  const files = new Map(versions.flatMap(filesOf));
  for (const [path, content] of filesOf(versions.at(-1)!)) {
    files.set(path.replace(/\/download\/v[^/]+/, "/latest/download"), content);
  }
  const handle = (request: Request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    asked.push([request.method, path, request.headers.get("range") ?? []].flat().join(" "));
    const isProgram = path.includes("/layerstash-");
    return answer({ request, path, isProgram }, () => usualAnswer(request, files.get(path)));
  };
  const where = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const server = tls ? Deno.serve({ ...where, ...tls }, handle) : Deno.serve(where, handle);
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${(server.addr as Deno.NetAddr).port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The files of a release, by their paths. */
function filesOf(version: string): [path: string, content: string][] {
  const programs = TARGETS.map((target) =>
    [programName(version, target), releasedProgram(version, target)] as const
  );
  const others = [["install.sh", "#!/bin/sh\n"], ["layerstash.js", "// the bundle\n"]] as const;
  const all = [...others, ...programs];
  const sums = all.map(([name, content]) => `${sha256(content)}  ${name}\n`).join("");
  return [...all, ["SHA256SUMS", sums] as const]
    .map(([name, content]) => [`/download/v${version}/${name}`, content]);
}

function usualAnswer(request: Request, content: string | undefined): Response {
  if (content === undefined) return new Response("not found", { status: 404 });
  const [, start] = /^bytes=(\d+)-\d+$/.exec(request.headers.get("range") ?? "") ?? [];
  const rest = content.slice(Number(start ?? 0));
  const headers = new Headers({ "content-length": String(rest.length) });
  if (start !== undefined) {
    headers.set("content-range", `bytes ${start}-${content.length - 1}/${content.length}`);
  }
  return new Response(request.method === "HEAD" ? null : rest, { status: start ? 206 : 200, headers });
}

/** The same answer, whose connection breaks after so many bytes. */
export async function brokenOff(answer: Response, after: number): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(bytes.subarray(0, after)),
    pull: (controller) => controller.error(new Error("broken off")),
  }, { highWaterMark: 0 });
  return new Response(body, answer);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
