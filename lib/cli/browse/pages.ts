/** Makes screens of repositories and images. @module */
import type { ImageReport } from "../../images/describe_image.ts";
import { counted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { type IndexedManifest, isRunnable } from "../../oci/image_index.ts";
import { formatVersionedPlatform } from "../../oci/platform.ts";
import type { StoreReader } from "../../store/store.ts";
import { addressIn, commandLine } from "../../store/command_line.ts";
import { shortBuildCommand } from "../text/build_command.ts";
import { shortDigest } from "../text/columns.ts";
import { formatSize } from "../text/sizes.ts";
import type { RepositoryContent } from "./image_explorer.ts";
import { type ListRow, listScreen, type Screen } from "./screens.ts";

/** What a repository holds: its stored files, each once, and its other tags, or the digests of its images without one. */
export function imagesPage(store: StoreReader, { stashes, images }: RepositoryContent): Screen {
  const isUntagged = images.length > 0 && images.every(isDigest);
  const rows = [
    ...stashes.map(({ baseTag, chunks }): ListRow => ({
      name: baseTag,
      detail: `stored file, ${counted(chunks, "chunk")}`,
      about: `${baseTag} is a stored file: ${commandLine("download", addressIn(store, baseTag))}`,
    })),
    ...images.map((each): ListRow => ({ name: each, open: imageTask(each) })),
  ];
  return listScreen(`${store.name}: ${isUntagged ? "images" : "tags"}`, rows);
}

/** The images of an index. */
export function platformsPage(name: string, images: readonly IndexedManifest[]): Screen {
  const rows = images.filter(isRunnable).map(({ platform, digest }) => ({
    name: platform ? formatVersionedPlatform(platform) : "?",
    detail: shortDigest(digest),
    open: imageTask(digest),
  }));
  return listScreen(`${name}: platforms`, rows);
}

function imageTask(reference: string): ListRow["open"] {
  return { type: "image", reference };
}

/** An image: its files, build steps, facts and layers. */
export function imagePage(name: string, report: ImageReport): Screen {
  const { digest: image, about, artifactType, layers, index } = report;
  const platforms: ListRow[] = index === undefined
    ? []
    : [{ name: "other platforms", open: { type: "platforms", reference: index } }];
  const kind = about?.platform ? formatVersionedPlatform(about.platform) : artifactType;
  return listScreen(kind ? `${name}  ${kind}` : name, [
    {
      name: "files of all layers together",
      detail: formatSize(report.size),
      open: { type: "directory", location: { image, path: "" } },
    },
    { name: "build steps", detail: `${report.steps.length}`, open: { type: "steps", image } },
    { name: "labels, environment, digests", open: { type: "facts", image } },
    ...platforms,
    { name: "other tags", open: { type: "tags" } },
    ...layers.map(({ number: layer, digest, size, createdBy }) => ({
      name: `layer ${layer}  ${shortBuildCommand(createdBy ?? shortDigest(digest))}`,
      detail: formatSize(size),
      open: { type: "directory" as const, location: { image, layer, path: "" } },
    })),
  ]);
}

/** How an image was built. A step that made a layer opens the files of that layer. */
export function stepsPage(name: string, { digest: image, steps }: ImageReport): Screen {
  const rows = steps.map(({ layer, createdBy, comment }): ListRow => ({
    name: `${layer ?? "-"}  ${shortBuildCommand(createdBy || comment || "?")}`,
    ...(layer !== undefined && { open: { type: "directory", location: { image, layer, path: "" } } }),
  }));
  return listScreen(`${name}: build steps`, rows);
}
