/** What clients write, for layerstash to read: images and artifacts in a registry, layouts, and archives. @module */
import type { Client } from "./client_programs.ts";

/** Something that a client writes. */
export interface Foreign {
  /** Who writes it. */
  client: Client;
  /** What it is, in words. */
  title: string;
  /** The commands that write it, run in turn; each begins with a client. */
  commands: readonly (readonly [Client, ...string[]])[];
  /** The name under which layerstash reads it. */
  image: string;
  /** Whether it is an artifact, whose only file is `disk.img`, and not an image with `etc/motd`. */
  isArtifact?: boolean;
}

type Command = Foreign["commands"][number];

const FULL = "docker.io/library/app:1.0";
const LAYOUT = "oci:images:one";

const image = (client: Client, title: string, image: string, ...commands: Command[]): Foreign => ({
  client,
  title,
  image,
  commands,
});
const artifact = (...parts: Parameters<typeof image>): Foreign => ({ ...image(...parts), isArtifact: true });
const skopeo = (to: string, ...options: string[]): Command => ["skopeo", "copy", ...options, LAYOUT, to];
const save = (format: string, output: string): Command => [
  ...["podman", "save", "-q", "--format", format, "-o", output, FULL] as const,
];

/** All of it, for a registry with the image `HOST/c/images:one`, and a layout `images` with the same. */
export function foreignThings(host: string): Foreign[] {
  const base = `${host}/c/images:one`;
  const pushed = (client: string) => `${host}/c/${client}:t`;
  return [
    ...ofPodman(base, pushed("podman")),
    ...ofSkopeo(pushed("skopeo")),
    image(
      "umoci",
      "layout with a new layer",
      "oci:umoci-dir:t",
      ["umoci", "init", "--layout", "umoci-dir"],
      ["umoci", "new", "--image", "umoci-dir:t"],
      ["umoci", "insert", "--rootless", "--image", "umoci-dir:t", "motd", "/etc/motd"],
    ),
    ...ofCrane(base, pushed("crane")),
    artifact("oras", "artifact in a registry", pushed("oras"), [
      ...["oras", "push", "--plain-http", pushed("oras"), "disk.img"] as const,
    ]),
    artifact("oras", "artifact in a layout", "oci:oras-dir:t", [
      ...["oras", "push", "--oci-layout", "oras-dir:t", "disk.img"] as const,
    ]),
    ...ofRegctl(host, base, pushed("regctl")),
  ];
}

/** The first one loads the image that the others save. */
function ofPodman(base: string, pushed: string): Foreign[] {
  const insecure = "--tls-verify=false";
  return [
    image(
      "podman",
      "image pushed to a registry",
      pushed,
      ["podman", "pull", "-q", insecure, base],
      ["podman", "tag", base, FULL],
      ["podman", "push", "-q", insecure, FULL, pushed],
    ),
    image("podman", "layout with a full name", `oci:podman-dir:${FULL}`, save("oci-dir", "podman-dir")),
    image(
      "podman",
      "oci-archive",
      `oci-archive:podman-oci.tar:${FULL}`,
      save("oci-archive", "podman-oci.tar"),
    ),
    image(
      "podman",
      "docker-archive",
      `docker-archive:podman.tar:${FULL}`,
      save("docker-archive", "podman.tar"),
    ),
  ];
}

function ofSkopeo(pushed: string): Foreign[] {
  const to = (image: string, ...options: string[]) =>
    skopeo(`docker://${image}`, "--dest-tls-verify=false", ...options);
  const other = pushed.replace("skopeo", "skopeo-zstd"); // where the layers are not there in gzip
  const zstd = ["--dest-compress-format", "zstd", "--dest-compress"];
  return [
    image("skopeo", "image in docker's format, in a registry", pushed, to(pushed, "--format", "v2s2")),
    image("skopeo", "zstd layers, in a registry", other, to(other, ...zstd)),
    image(
      "skopeo",
      "layout with a full name and a tag",
      `oci:skopeo-dir:${FULL}`,
      skopeo(`oci:skopeo-dir:${FULL}`),
      skopeo("oci:skopeo-dir:v1.0+build.5"),
    ),
    image("skopeo", "index in a layout", "oci:skopeo-index:many", [
      ...["skopeo", "copy", "--all", "oci:images:many", "oci:skopeo-index:many"] as const,
    ]),
    image(
      "skopeo",
      "docker-archive",
      "docker-archive:skopeo.tar",
      skopeo("docker-archive:skopeo.tar:app:1.0"),
    ),
  ];
}

function ofCrane(base: string, pushed: string): Foreign[] {
  const crane = (...args: string[]): Command => ["crane", ...args, "--insecure"];
  return [
    image(
      "crane",
      "appended image in a registry",
      pushed,
      crane("append", "-b", base, "-f", "layer.tar", "-t", pushed),
    ),
    image("crane", "layout", "oci:crane-dir", crane("pull", "--format=oci", base, "crane-dir")),
    image("crane", "archive", "docker-archive:crane.tar", crane("pull", base, "crane.tar")),
  ];
}

function ofRegctl(host: string, base: string, pushed: string): Foreign[] {
  const regctl = (...args: string[]): Command => ["regctl", "--host", `reg=${host},tls=disabled`, ...args];
  const put = ["artifact", "put", "--artifact-type", "x/y", "--file-title", "-f", "disk.img"];
  return [
    artifact("regctl", "artifact in a registry", pushed, regctl(...put, pushed)),
    image("regctl", "layout", "oci:regctl-dir:t", regctl("image", "copy", base, "ocidir://regctl-dir:t")),
    image("regctl", "archive", "oci-archive:regctl.tar", regctl("image", "export", base, "regctl.tar")),
  ];
}
