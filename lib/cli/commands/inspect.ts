/** `layerstash inspect`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { describeImage, findImage } from "../../exports/images.ts";
import type { ImageReport } from "../../images/describe_image.ts";
import { requireManifest } from "../../images/index_tree.ts";
import { counted } from "../../messages.ts";
import { type IndexedManifest, isRunnable } from "../../oci/image_index.ts";
import { formatVersionedPlatform } from "../../oci/platform.ts";
import { imageAction, type ImageFlags } from "../image_action.ts";
import { imageCommand } from "../base_commands.ts";
import { collapsed, shortBuildCommand } from "../text/build_command.ts";
import { renderTable, type TableStyle } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";
import { arePlain, isImageConfig, layerRow, layerStyle, wholeCommandsOption } from "./layers.ts";

const EXAMPLES = `
Examples:
  $ layerstash inspect nginx:alpine
  $ layerstash inspect --platform linux/arm64 --json ghcr.io/me/app:1.2
  $ layerstash inspect --raw oci:./box:latest     # the manifest itself
`;

/** Makes the command. */
export function inspectCommand(): CommandUnknownOpts {
  const command = imageCommand("inspect")
    .option("--raw", "print the manifest or the index, byte for byte")
    .addOption(wholeCommandsOption())
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => inspectAction({ ...flags, image }, parsed));
  return command;
}

interface InspectFlags extends ImageFlags {
  image: string;
  raw?: true | undefined;
  trunc: boolean;
}

const inspectAction = imageAction<InspectFlags>(
  ({ image }) => `inspect ${image}`,
  async ({ terminal, store, reference, signal, onEvent }, { image, platform, raw, json, trunc }) => {
    const options = { platform, signal, onEvent };
    if (raw && platform === undefined && reference !== undefined) {
      return terminal.document((await requireManifest(store, reference, options)).bytes);
    }
    const found = await findImage(store, reference, options);
    if (raw) {
      return terminal.document(
        (platform === undefined ? found.index ?? found.manifest : found.manifest).bytes,
      );
    }
    const report = await describeImage(store, found, options);
    terminal.data(
      json ? jsonLine(report) : renderImageReport(image, report, layerStyle(terminal, { trunc })),
    );
  },
);

/** The details of an image as tables. */
export function renderImageReport(name: string, report: ImageReport, style: TableStyle = {}): string {
  const { about, platforms } = report;
  const sections = [
    renderTable(factsOf(name, report)),
    platforms.length > 0
      ? `platforms:\n${indented(renderTable(platforms.filter(isRunnable).map(platformRow), style))}`
      : "",
    section("labels", Object.entries(about?.labels ?? {}).map(([key, value]) => [key, value])),
    section("env", (about?.env ?? []).map((each) => [each])),
    section("layers", layerRows(report, style), style),
    section("build steps", report.steps.map((step) => stepRow(step, style)), style),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function factsOf(name: string, report: ImageReport): string[][] {
  const { digest, index, mediaType, artifactType, config, size, about, layers } = report;
  const facts: [string, string | undefined][] = [
    ["image", name],
    ["platform", about?.platform && formatVersionedPlatform(about.platform)],
    ["artifact type", artifactType],
    ["digest", digest],
    ["index", index],
    ["media type", mediaType],
    ["config type", isImageConfig(config) ? undefined : config.mediaType],
    ["size", `${formatSize(size)} in ${counted(layers.length, "layer")}`],
    ["created", about?.created],
    ["author", about?.author],
    ["user", about?.user],
    ["directory", about?.workingDir],
    ["entrypoint", commandWords(about?.entrypoint)],
    ["command", commandWords(about?.cmd)],
    ["ports", about?.exposedPorts.join(", ")],
    ["volumes", about?.volumes.join(", ")],
    ["stop signal", about?.stopSignal],
  ];
  return facts.filter(([, value]) => value).map(([key, value]) => [`${key}:`, value!]);
}

/** The layers; those of artifacts, and those that have titles, with what is in them. */
function layerRows(report: ImageReport, style: TableStyle): string[][] {
  const hasTypes = !arePlain(report);
  return report.layers.map((layer) => layerRow(layer, style, { hasTypes }));
}

function commandWords(list: string[] | undefined): string | undefined {
  return list?.length ? JSON.stringify(list) : undefined;
}

function platformRow({ platform, digest }: IndexedManifest): string[] {
  return [platform ? formatVersionedPlatform(platform) : "?", digest];
}

function stepRow(
  { layer, createdBy, comment }: ImageReport["steps"][number],
  { width }: TableStyle,
): string[] {
  const step = createdBy || comment || "?";
  return [
    layer === undefined ? "-" : `${layer}`,
    width === undefined ? collapsed(step) : shortBuildCommand(step),
  ];
}

function section(title: string, rows: string[][], style: TableStyle = {}): string {
  return rows.length === 0 ? "" : `${title}:\n${indented(renderTable(rows, narrowed(style)))}`;
}

/** The style of a table that is indented. */
function narrowed({ width, ...style }: TableStyle): TableStyle {
  return width === undefined ? style : { ...style, width: width - INDENT };
}

const INDENT = 2;

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, " ".repeat(INDENT));
}
