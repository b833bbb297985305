/** What programs are told that are no clients of registries, or of blobs alone: curl, tar, umoci, dxf. @module */
import type { Peer } from "./peers.ts";
import {
  blobUrl,
  into,
  LIST,
  registryUrl,
  STORED,
  throughTar,
  UNPACK,
  type Words,
  type Work,
} from "./work.ts";

const packed = (words: Words, { packing }: Work) => packing ? [...words, `--${packing}`] : words;

/** It reads no registry. */
export const umoci: Peer = {
  name: "umoci (from a layout)",
  program: "umoci",
  verifies: true,
  commands: (path) => ({
    extract: (work) => [path, "unpack", "--image", `${work.layout}:${work.tag}`, work.output],
  }),
};

/** It cannot read over TLS without a bundle of its own. */
export const dxf: Peer = {
  program: "dxf",
  verifies: true,
  only: "plain",
  commands: (path) => {
    const run = ({ host }: Work, ...words: string[]) => [
      ...["env", `DXF_HOST=${host}`, "DXF_INSECURE=1", path, ...words],
    ];
    return {
      upload: (work) => run(work, "push-blob", "bench/dxf", work.file),
      download: (work) => into(work.output, run(work, "pull-blob", STORED, work.digest)),
    };
  },
};

/** It sends in one request, or fetches in one: the limit of one connection, without any other trip. */
export function curl(options: string[] = []): Peer {
  const protocol = options.length > 0 ? " --http1.1" : "";
  return {
    name: `curl${protocol}`,
    program: "curl",
    verifies: false,
    ...(options.length > 0 && { only: "tls" as const }),
    commands: (path) => {
      const run = (...words: string[]) => [path, "-sSf", ...options, ...words];
      const fetched = (work: Work) => run(blobUrl(work));
      return {
        upload: async (work) => run("-T", work.file, await uploadUrl(path, work)),
        download: (work) => run("-o", work.output, blobUrl(work)),
        pull: (work) => run("-o", work.output, blobUrl(work)),
        peek: (work) => throughTar(fetched(work), packed(LIST, work)),
        extract: (work) => throughTar(fetched(work), packed(UNPACK, work), work.output),
      };
    },
  };
}

/** Begins an upload, which is not measured. */
async function uploadUrl(path: string, work: Work): Promise<string> {
  const begin = `${registryUrl(work)}/v2/bench/curl/blobs/uploads/`;
  const [program = "", ...args] = [...work.client, path, "-sSf", "-X", "POST", "-D", "-", begin];
  const { stdout } = await new Deno.Command(program, { args, clearEnv: true, env: work.env }).output();
  const location = /^location: *(\S+)/im.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
  return `${new URL(location, registryUrl(work))}${location.includes("?") ? "&" : "?"}digest=${work.digest}`;
}
