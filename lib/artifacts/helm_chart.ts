/** Helm charts: an archive that keeps its form, and perhaps its signature (Helm, "Use OCI-based registries"). @module */
import * as v from "valibot";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseAs } from "../oci/manifest.ts";
import { type ArtifactFile, type ArtifactReader, isOfType } from "./artifact.ts";
import { distinctNames } from "./given_names.ts";

const PROVENANCE = "application/vnd.cncf.helm.chart.provenance.";

const configSchema = v.object({ name: v.string(), version: v.string() });

/** Reads charts. Helm names neither of the two files: it makes their names of what the config says. */
export const helmChart: ArtifactReader = {
  kind: "Helm chart",
  recognizes: (subject) => isOfType(subject, "application/vnd.cncf.helm.config."),
  async files({ layers, readConfig }) {
    const { name, version } = parseAs(configSchema, await readConfig(), "config of the chart");
    const names = distinctNames(layers.map((layer) => `${name}-${version}${endingOf(layer)}`));
    return layers.map((blob, index): ArtifactFile => ({ path: names[index]!, blob }));
  },
};

function endingOf({ mediaType }: Descriptor): string {
  return mediaType.startsWith(PROVENANCE) ? ".tgz.prov" : ".tgz";
}
