/** The topics of the help: pages about matters that concern several commands. Their texts are loaded when one is asked for. @module */

/** A page of the help. */
export interface Topic {
  /** What is typed after `layerstash help`, and the name of the Markdown file beside this one. */
  name: string;
  /** What the page is about, as the help of the program lists it. */
  summary: string;
}

/** The topics, in the order of the help. */
export const TOPICS: readonly Topic[] = [
  { name: "recipes", summary: "folders, nightly backups, databases, CI, sharing: to copy and paste" },
  { name: "files", summary: "addresses, what other programs stored, removal, speed" },
  { name: "encryption", summary: "keys and passphrases, and what others still see" },
  { name: "images", summary: "look into images, add layers, copy and save them" },
  { name: "serve", summary: "a registry of a directory: who may use it, systemd, nginx" },
  { name: "registries", summary: "set up Docker Hub, GHCR or your own; sign-in, limits, terms" },
  { name: "troubleshooting", summary: "what an error means, resuming, damage, questions and answers" },
  { name: "scripting", summary: "exit codes, JSON, pipes, variables" },
  { name: "options", summary: "the options that commands share" },
  { name: "format", summary: "how a file lies in a registry, and how to read it without layerstash" },
  { name: "dxf", summary: "blobs and aliases, for those who know dxf" },
  { name: "library", summary: "layerstash in TypeScript programs" },
  { name: "install", summary: "installing, upgrading, completions, Deno's permissions" },
];

/** The text of a topic, in Markdown; `undefined` if no topic has this name. */
export async function topicText(name: string): Promise<string | undefined> {
  if (!TOPICS.some((topic) => topic.name === name)) return undefined;
  const { TOPIC_TEXTS } = await import("./topic_texts.ts");
  return TOPIC_TEXTS[name];
}
