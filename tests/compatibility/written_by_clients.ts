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

const FULL = "docker.io/library/app:1.0";

/** All of it, for a registry with the image `HOST/c/images:one`, and a layout `images` with the same. */
export function foreignThings(host: string): Foreign[] {
  const base = `${host}/c/images:one`;
  const regctl = ["regctl", "--host", `reg=${host},tls=disabled`] as const;
  const loaded: Foreign["commands"] = [
    ["podman", "pull", "-q", "--tls-verify=false", base],
    ["podman", "tag", base, FULL],
  ];
  const skopeo = (to: string, ...options: string[]) =>
    ["skopeo", "copy", ...options, "oci:images:one", to] as const;
  const pushed = (client: string) => `${host}/c/${client}:t`;
  const quiet = "--dest-tls-verify=false";
  return [
    {
      client: "podman",
      title: "image pushed to a registry",
      commands: [...loaded, ["podman", "push", "-q", "--tls-verify=false", FULL, pushed("podman")]],
      image: pushed("podman"),
    },
    {
      client: "podman",
      title: "layout with a full name",
      commands: [["podman", "save", "-q", "--format", "oci-dir", "-o", "podman-dir", FULL]],
      image: `oci:podman-dir:${FULL}`,
    },
    {
      client: "podman",
      title: "oci-archive",
      commands: [["podman", "save", "-q", "--format", "oci-archive", "-o", "podman-oci.tar", FULL]],
      image: `oci-archive:podman-oci.tar:${FULL}`,
    },
    {
      client: "podman",
      title: "docker-archive",
      commands: [["podman", "save", "-q", "--format", "docker-archive", "-o", "podman.tar", FULL]],
      image: `docker-archive:podman.tar:${FULL}`,
    },
    {
      client: "skopeo",
      title: "image in docker's format, in a registry",
      commands: [skopeo(`docker://${pushed("skopeo")}`, quiet, "--format", "v2s2")],
      image: pushed("skopeo"),
    },
    {
      client: "skopeo",
      title: "zstd layers, in a registry",
      commands: [
        skopeo(`docker://${host}/c/skopeo:z`, quiet, "--dest-compress-format", "zstd", "--dest-compress"),
      ],
      image: `${host}/c/skopeo:z`,
    },
    {
      client: "skopeo",
      title: "layout with a full name and a tag",
      commands: [skopeo(`oci:skopeo-dir:${FULL}`), skopeo("oci:skopeo-dir:v1.0+build.5")],
      image: `oci:skopeo-dir:${FULL}`,
    },
    {
      client: "skopeo",
      title: "index in a layout",
      commands: [["skopeo", "copy", "--all", "oci:images:many", "oci:skopeo-index:many"]],
      image: "oci:skopeo-index:many",
    },
    {
      client: "skopeo",
      title: "docker-archive",
      commands: [skopeo("docker-archive:skopeo.tar:app:1.0")],
      image: "docker-archive:skopeo.tar",
    },
    {
      client: "umoci",
      title: "layout with a new layer",
      commands: [
        ["umoci", "init", "--layout", "umoci-dir"],
        ["umoci", "new", "--image", "umoci-dir:t"],
        ["umoci", "insert", "--rootless", "--image", "umoci-dir:t", "motd", "/etc/motd"],
      ],
      image: "oci:umoci-dir:t",
    },
    {
      client: "crane",
      title: "appended image in a registry",
      commands: [["crane", "append", "--insecure", "-b", base, "-f", "layer.tar", "-t", pushed("crane")]],
      image: pushed("crane"),
    },
    {
      client: "crane",
      title: "layout",
      commands: [["crane", "pull", "--insecure", "--format=oci", base, "crane-dir"]],
      image: "oci:crane-dir",
    },
    {
      client: "crane",
      title: "archive",
      commands: [["crane", "pull", "--insecure", base, "crane.tar"]],
      image: "docker-archive:crane.tar",
    },
    {
      client: "oras",
      title: "artifact in a registry",
      commands: [["oras", "push", "--plain-http", pushed("oras"), "disk.img"]],
      image: pushed("oras"),
      isArtifact: true,
    },
    {
      client: "oras",
      title: "artifact in a layout",
      commands: [["oras", "push", "--oci-layout", "oras-dir:t", "disk.img"]],
      image: "oci:oras-dir:t",
      isArtifact: true,
    },
    {
      client: "regctl",
      title: "artifact in a registry",
      commands: [
        [
          ...regctl,
          "artifact",
          "put",
          "--artifact-type",
          "x/y",
          "--file-title",
          "-f",
          "disk.img",
          pushed("regctl"),
        ],
      ],
      image: pushed("regctl"),
      isArtifact: true,
    },
    {
      client: "regctl",
      title: "layout",
      commands: [[...regctl, "image", "copy", base, "ocidir://regctl-dir:t"]],
      image: "oci:regctl-dir:t",
    },
    {
      client: "regctl",
      title: "archive",
      commands: [[...regctl, "image", "export", base, "regctl.tar"]],
      image: "oci-archive:regctl.tar",
    },
  ];
}
