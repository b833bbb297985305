/** Models as ModelPack, docker and ollama store them: a file or an archive in each layer. @module */
import type { Descriptor } from "../oci/descriptor.ts";
import { type ArtifactFile, type ArtifactReader, isOfType } from "./artifact.ts";
import { countedName, distinctNames, type ModelName, shardName } from "./given_names.ts";

/** The path of a file, or of what is packed in an archive (ModelPack, annotations.md). docker uses it, too. */
const FILE_PATH = "org.cncf.model.filepath";

/** Reads models by the ModelPack specification. Layers whose type ends with `raw` are files, the others tar archives. */
export const modelPack: ArtifactReader = {
  kind: "ModelPack model",
  recognizes: (subject) =>
    isOfType(subject, "application/vnd.cncf.model.") || isOfType(subject, "application/vnd.cnai.model."),
  files: ({ layers, repository }) =>
    layers.map((blob, index): ArtifactFile => {
      const path = blob.annotations?.[FILE_PATH];
      if (path === undefined) return { path: countedName(repository, index, layers.length), blob };
      return isArchive(blob) ? { path, blob, packed: { within: path } } : { path, blob };
    }),
};

/** Whether a layer is a tar archive by its type, which may name a compression. */
function isArchive({ mediaType }: Descriptor): boolean {
  return /\.tar(?:\+\w+)?$/.test(mediaType);
}

const DOCKER = "application/vnd.docker.ai.";

/** Files that may come in pieces, in the order of the layers, by type. The names are those that docker's runner gives. */
const DOCKER_WEIGHTS: Readonly<Record<string, ModelName>> = {
  "gguf.v3": { stem: "model", ending: ".gguf" },
  safetensors: { stem: "model", ending: ".safetensors" },
};

/** The names of other files, by type. docker has none for licenses. */
const DOCKER_NAMES: Readonly<Record<string, string>> = {
  dduf: "model.dduf",
  mmproj: "model.mmproj",
  "gguf.v3.mmproj": "model.mmproj",
  "gguf.v3.lora": "adapter.gguf",
  "chat.template.jinja": "template.jinja",
  license: "LICENSE",
};

/** Reads docker's models. New ones name their files; of older ones, the types of the layers give the names. */
export const dockerModel: ArtifactReader = {
  kind: "docker model",
  recognizes: (subject) => isOfType(subject, `${DOCKER}model.`),
  files({ layers }) {
    const names = dockerNames(layers.map(({ mediaType }) => mediaType.replace(DOCKER, "")));
    return layers.map((blob, index): ArtifactFile => {
      const path = blob.annotations?.[FILE_PATH] ?? names[index]!;
      return isArchive(blob) ? { path, blob, packed: { within: "" } } : { path, blob };
    });
  },
};

/** The names of layers by their types. */
function dockerNames(types: readonly string[]): string[] {
  return distinctNames(types.map((type, index) => {
    const weights = DOCKER_WEIGHTS[type];
    if (!weights) return DOCKER_NAMES[type] ?? nameOfType(type);
    const pieces = [...types.keys()].filter((each) => types[each] === type);
    return shardName(weights, pieces.indexOf(index), pieces.length);
  }));
}

const OLLAMA = "application/vnd.ollama.image.";

/** The names of an ollama model's files, by type: ollama has none, it keeps blobs under their digests. */
const OLLAMA_NAMES: Readonly<Record<string, string>> = {
  model: "model.gguf",
  projector: "projector.gguf",
  adapter: "adapter.gguf",
  template: "template.txt",
  prompt: "template.txt",
  system: "system.txt",
  license: "LICENSE",
  params: "params.json",
  messages: "messages.json",
};

/** Reads ollama's models, whose manifests look like docker's images. */
export const ollamaModel: ArtifactReader = {
  kind: "ollama model",
  recognizes: ({ layers }) => layers.some(({ mediaType }) => mediaType.startsWith(OLLAMA)),
  files({ layers }) {
    const names = distinctNames(layers.map(ollamaName));
    return layers.map((blob, index): ArtifactFile => ({ path: names[index]!, blob }));
  },
  note: () => "ollama gives its files no names: they are named by what they are",
};

/** The name of an ollama layer. Its type may have parameters, as that of a tensor has its name. */
function ollamaName({ mediaType }: Descriptor): string {
  const [type = "", ...parameters] = mediaType.replace(OLLAMA, "").split(";");
  const named = parameters.map((each) => /^\s*name=(.+)$/.exec(each)?.[1]).find((name) => name !== undefined);
  return named ?? OLLAMA_NAMES[type.trim()] ?? nameOfType(type);
}

/** A name made of the rest of a media type that is not known. */
function nameOfType(type: string): string {
  return type.trim().replaceAll(/[^\w.-]+/g, "-") || "blob";
}
