/** What the clients of registries are told: crane, regctl, oras, skopeo. @module */
import type { Peer } from "./peers.ts";
import { into, LIST, STORED, throughTar, UNPACK, type Work } from "./work.ts";

/** Of go-containerregistry. */
export const crane: Peer = {
  program: "crane",
  verifies: true,
  commands: (path) => {
    const run = (work: Work, ...words: string[]) => [path, ...words, ...(work.isPlain ? ["--insecure"] : [])];
    const exported = (work: Work) => run(work, "export", `${work.host}/${STORED}:image`, "-");
    return {
      upload: (work) => run(work, "push", work.layout, `${work.host}/bench/crane:t`),
      download: (work) => into(work.output, run(work, "blob", `${work.host}/${STORED}@${work.digest}`)),
      pull: (work) => run(work, "pull", `${work.host}/${STORED}:file-1`, work.output),
      list: (work) => run(work, "ls", `${work.host}/${STORED}`),
      peek: (work) => throughTar(exported(work), LIST),
      extract: (work) => throughTar(exported(work), UNPACK, work.output),
      copyToLayout: (work) => run(work, "pull", "--format=oci", `${work.host}/${STORED}:image`, work.output),
      copyToRegistry: (work) =>
        run(work, "copy", `${work.host}/${STORED}:image`, `${work.target}/bench/crane:t`),
    };
  },
};

/** Of regclient. */
export const regctl: Peer = {
  program: "regctl",
  verifies: true,
  commands: (path) => {
    const run = ({ host, isPlain, target }: Work, ...words: string[]) => [
      path,
      ...[...(isPlain ? [host] : []), ...(target ? [target] : [])]
        .flatMap((each) => ["--host", `reg=${each},tls=disabled`]),
      ...words,
    ];
    const copy = (work: Work, from: string, to: string) => run(work, "image", "copy", from, to);
    const stored = (work: Work, tag: string) => `${work.host}/${STORED}:${tag}`;
    return {
      upload: (work) => copy(work, `ocidir://${work.layout}:${work.tag}`, `${work.host}/bench/regctl:t`),
      download: (work) => into(work.output, run(work, "blob", "get", `${work.host}/${STORED}`, work.digest)),
      pull: (work) => copy(work, stored(work, "file-1"), `ocidir://${work.output}:t`),
      list: (work) => run(work, "tag", "ls", `${work.host}/${STORED}`),
      copyToLayout: (work) => copy(work, stored(work, "image"), `ocidir://${work.output}:t`),
      copyToRegistry: (work) => copy(work, stored(work, "image"), `${work.target}/bench/regctl:t`),
    };
  },
};

/** Of oras.land. */
export const oras: Peer = {
  program: "oras",
  verifies: true,
  trusting: ["copyToRegistry"],
  commands: (path) => {
    const plain = ({ isPlain }: Work, prefix = "") => `--${prefix}plain-http=${isPlain}`;
    const copy = (work: Work, ...words: string[]) => [
      ...[path, "copy", plain(work, "from-"), `${work.host}/${STORED}:image`, ...words],
    ];
    return {
      upload: (work) => [
        ...[path, "push", plain(work), "--disable-path-validation", `${work.host}/bench/oras:t`, work.file],
      ],
      download: (work) => [
        ...[path, "blob", "fetch", plain(work), "-o", work.output, `${work.host}/${STORED}@${work.digest}`],
      ],
      pull: (work) => [path, "pull", plain(work), "-o", work.output, `${work.host}/${STORED}:titled`],
      list: (work) => [path, "repo", "tags", plain(work), `${work.host}/${STORED}`],
      copyToLayout: (work) => copy(work, "--to-oci-layout", `${work.output}:t`),
      copyToRegistry: (work) => copy(work, "--to-plain-http", `${work.target}/bench/oras:t`),
    };
  },
};

/** It may pack layers anew unless it is told to keep their digests. */
export const skopeo: Peer = {
  program: "skopeo",
  verifies: true,
  commands: (path) => {
    const copy = (from: Work | string, to: string, ...words: string[]) => [
      ...[path, "copy", "-q", "--preserve-digests", ...words],
      ...(typeof from === "string" ? [from] : [`--src-tls-verify=${!from.isPlain}`, imageOf(from)]),
      to,
    ];
    const imageOf = ({ host, tag }: Work) => `docker://${host}/${STORED}:${tag}`;
    return {
      upload: (work) =>
        copy(
          `oci:${work.layout}:${work.tag}`,
          `docker://${work.host}/bench/skopeo:t`,
          `--dest-tls-verify=${!work.isPlain}`,
        ),
      download: (work) => copy(work, `dir:${work.output}`),
      pull: (work) => copy(work, `dir:${work.output}`),
      list: (work) => [
        ...[path, "list-tags", `--tls-verify=${!work.isPlain}`, `docker://${work.host}/${STORED}`],
      ],
      copyToLayout: (work) => copy(work, `oci:${work.output}:t`),
      copyToRegistry: (work) =>
        copy(work, `docker://${work.target}/bench/skopeo:t`, "--dest-tls-verify=false"),
    };
  },
};
