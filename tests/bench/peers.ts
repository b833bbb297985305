/** What other programs are told, to do the same work. Each is measured where it is on the machine. @module */
import { join } from "node:path";
import type { Contender } from "./race.ts";

/** What is to be moved, between a registry and a directory. */
export interface Work {
  /** A directory for what programs write. */
  directory: string;
  /** The file. */
  file: string;
  /** The registry, as `127.0.0.1:PORT`, without sign-in or TLS. */
  host: string;
  /** The digest of the file. */
  digest: string;
}

/** A program, and its commands; absent = it has none for that. */
interface Peer {
  /** What is looked for on the machine. */
  program: string;
  /** Sends the file, or an image layout with the file as its only layer. */
  push?(work: Work & { layout: string; tag: string }): string[];
  /** Fetches the file, or the image with it, from the repository `bench/down`. */
  pull?(work: Work & { output: string }): string[];
}

/** Runs a command with its standard output in a file. */
const into = (output: string, words: string[]) => ["sh", "-c", 'exec "$@" > "$0"', output, ...words];
const dxf = (
  host: string,
  ...words: string[]
) => ["env", `DXF_HOST=${host}`, "DXF_INSECURE=1", "dxf", ...words];
const PYTHON = "python3";
const PYTHON_RIG = join(import.meta.dirname!, "../rigs/python_layerstash.py");

/** The Python layerstash wants a token and TAG-1; any token does. */
const python = ({ host }: Work, tokens: string, words: string[]) => [
  ...[PYTHON, PYTHON_RIG, `http://${host}`, tokens, "bench", String(5_000_000_000), ...words],
  ...["-u", "any", "-p", "any", "--log-level", "critical"],
];

const PEERS: readonly Peer[] = [
  {
    program: "skopeo",
    push: ({ host, layout, tag }) => [
      ...["skopeo", "copy", "-q", "--dest-tls-verify=false", `oci:${layout}:${tag}`],
      `docker://${host}/bench/skopeo:t`,
    ],
    pull: ({ host, output }) => [
      ...["skopeo", "copy", "-q", "--src-tls-verify=false", `docker://${host}/bench/down:oci`],
      `dir:${output}`,
    ],
  },
  {
    program: "crane",
    push: ({ host, layout }) => ["crane", "push", "--insecure", layout, `${host}/bench/crane:t`],
    pull: ({ host, digest, output }) =>
      into(output, ["crane", "blob", "--insecure", `${host}/bench/down@${digest}`]),
  },
  {
    program: "regctl",
    push: ({ host, layout, tag }) => [
      ...["regctl", "--host", `reg=${host},tls=disabled`, "image", "copy", `ocidir://${layout}:${tag}`],
      `${host}/bench/regctl:t`,
    ],
    pull: ({ host, digest, output }) =>
      into(output, [
        ...["regctl", "--host", `reg=${host},tls=disabled`, "blob", "get", `${host}/bench/down`, digest],
      ]),
  },
  {
    program: "oras",
    push: ({ host, file }) => [
      ...["oras", "push", "--plain-http", "--disable-path-validation", `${host}/bench/oras:t`, file],
    ],
    pull: ({ host, digest, output }) => [
      ...["oras", "blob", "fetch", "--plain-http", "-o", output, `${host}/bench/down@${digest}`],
    ],
  },
  {
    program: "dxf",
    push: ({ host, file }) => dxf(host, "push-blob", "bench/dxf", file),
    pull: ({ host, digest, output }) => into(output, dxf(host, "pull-blob", "bench/down", digest)),
  },
];

/** The programs that are on this machine. */
export async function presentPrograms(): Promise<Set<string>> {
  const present = new Set<string>();
  for (const { program } of [...PEERS, { program: "curl" }]) {
    const found = await new Deno.Command("which", { args: [program], stdout: "null" }).output();
    if (found.success) present.add(program);
  }
  const module: Deno.CommandOptions = { args: ["-c", "import layerstash"], stderr: "null" };
  if ((await new Deno.Command(PYTHON, module).output()).success) present.add("python");
  return present;
}

/** Those that send, each with its command. */
export function pushers(
  present: ReadonlySet<string>,
  prepare: (run: number) => Promise<Work & { layout: string; tag: string; tokens: string }>,
): Omit<Contender, "after">[] {
  const peers = PEERS.filter(({ program, push }) => push && present.has(program)).map((peer) => ({
    name: peer.program,
    command: async (run: number) => peer.push!(await prepare(run)),
  }));
  const command = async (run: number) => {
    const work = await prepare(run);
    return python(work, work.tokens, ["upload", "-r", "bench/python", "-t", "big", "-i", work.file]);
  };
  return present.has("python") ? [...peers, { name: "Python layerstash", command }] : peers;
}

/** Those that fetch, each with its command. The Python layerstash cannot: docker-registry refuses how it asks. */
export function pullers(present: ReadonlySet<string>, work: Work): Contender[] {
  const output = join(work.directory, "theirs");
  return PEERS.filter(({ program, pull }) => pull && present.has(program)).map((peer) => ({
    name: peer.program,
    command: () => peer.pull!({ ...work, output }),
    after: () => Deno.remove(output, { recursive: true }),
  }));
}
