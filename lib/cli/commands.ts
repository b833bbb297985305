/** All commands of the program: what each is for, and which file makes it. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Write } from "./terminal/standard_streams.ts";

/** A command, as the help of the program shows it. */
export interface CommandEntry {
  /** What is typed. */
  name: string;
  /** What it is for. */
  summary: string;
  /** Loads the command. Loading all of them would take longer than most of them run. */
  load: (out: Write) => Promise<CommandUnknownOpts>;
}

/** Commands under one heading of the help. */
export interface CommandGroup {
  /** Such as `Images:`. */
  heading: string;
  /** In the order of the help. */
  entries: readonly CommandEntry[];
}

/** The commands, in the order of the help. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: "Stored files and folders:",
    entries: [
      {
        name: "upload",
        summary: "store files and folders",
        load: async () => (await import("./commands/upload.ts")).uploadCommand(),
      },
      {
        name: "download",
        summary: "get a stored file or folder back, or what others stored",
        load: async () => (await import("./commands/download.ts")).downloadCommand(),
      },
      {
        name: "list",
        summary: "list the stored files and folders of a repository",
        load: async () => (await import("./commands/list.ts")).listCommand(),
      },
      {
        name: "info",
        summary: "show the details of a stored file or folder",
        load: async () => (await import("./commands/info.ts")).infoCommand(),
      },
      {
        name: "verify",
        summary: "check what is stored, or compare local files with it",
        load: async () => (await import("./commands/verify.ts")).verifyCommand(),
      },
      {
        name: "remove",
        summary: "remove a stored file or folder",
        load: async () => (await import("./commands/remove.ts")).removeCommand(),
      },
    ],
  },
  {
    heading: "Blobs:",
    entries: [
      {
        name: "blob",
        summary: "store, fetch and remove blobs by their digests",
        load: async () => (await import("./commands/blob.ts")).blobCommand(),
      },
      {
        name: "alias",
        summary: "give names to blobs, and look at them",
        load: async () => (await import("./commands/alias.ts")).aliasCommand(),
      },
      {
        name: "digest",
        summary: "print the config digest of an alias, or the ID of an image",
        load: async () => (await import("./commands/digest.ts")).digestCommand(),
      },
      {
        name: "manifest",
        summary: "print the manifests of aliases, byte for byte",
        load: async () => (await import("./commands/digest.ts")).manifestCommand(),
      },
      {
        name: "repos",
        summary: "print the names of all repositories",
        load: async () => (await import("./commands/repos.ts")).reposCommand(),
      },
      {
        name: "url",
        summary: "print how to fetch without layerstash: URLs, a script",
        load: async () => (await import("./commands/url.ts")).urlCommand(),
      },
    ],
  },
  {
    heading: "Images:",
    entries: [
      {
        name: "inspect",
        summary: "show the platforms, labels, layers and build steps of an image",
        load: async () => (await import("./commands/inspect.ts")).inspectCommand(),
      },
      {
        name: "layers",
        summary: "list the layers of an image, the base first",
        load: async () => (await import("./commands/layers.ts")).layersCommand(),
      },
      {
        name: "peek",
        summary: "list the files of an image without pulling it",
        load: async () => (await import("./commands/peek.ts")).peekCommand(),
      },
      {
        name: "extract",
        summary: "extract files from an image, fetching only what is needed",
        load: async () => (await import("./commands/extract.ts")).extractCommand(),
      },
      {
        name: "browse",
        summary: "walk through an image with the arrow keys",
        load: async () => (await import("./commands/browse.ts")).browseCommand(),
      },
      {
        name: "diff",
        summary: "tell what differs between two images, folders or directories",
        load: async () => (await import("./commands/diff.ts")).diffCommand(),
      },
      {
        name: "save",
        summary: "download an image as an OCI layout, or its layers as files",
        load: async () => (await import("./commands/save.ts")).saveCommand(),
      },
      {
        name: "append",
        summary: "put a layer on an image, without pulling it",
        load: async () => (await import("./commands/append.ts")).appendCommand(),
      },
      {
        name: "copy",
        summary: "copy an image, a stored file or a folder elsewhere",
        load: async () => (await import("./commands/copy.ts")).copyCommand(),
      },
    ],
  },
  {
    heading: "Serving:",
    entries: [
      {
        name: "serve",
        summary: "serve what is stored to browsers and container programs",
        load: async () => (await import("./commands/serve.ts")).serveCommand(),
      },
    ],
  },
  {
    heading: "Sign-in:",
    entries: [
      {
        name: "login",
        summary: "sign in to a registry, and save the login",
        load: async () => (await import("./commands/login.ts")).loginCommand(),
      },
      {
        name: "logout",
        summary: "remove the saved login of a registry",
        load: async () => (await import("./commands/login.ts")).logoutCommand(),
      },
      {
        name: "token",
        summary: "print a token for other programs, such as curl",
        load: async () => (await import("./commands/token.ts")).tokenCommand(),
      },
    ],
  },
  {
    heading: "Encryption:",
    entries: [
      {
        name: "keygen",
        summary: "make a key to encrypt for",
        load: async () => (await import("./commands/keygen.ts")).keygenCommand(),
      },
      {
        name: "recipients",
        summary: "list and change who can decrypt a stored file",
        load: async () => (await import("./commands/recipients.ts")).recipientsCommand(),
      },
    ],
  },
  {
    heading: "This program:",
    entries: [
      {
        name: "upgrade",
        summary: "replace this program with a newer one",
        load: async () => (await import("./commands/upgrade.ts")).upgradeCommand(),
      },
      {
        name: "completions",
        summary: "print a script with which a shell completes commands",
        load: async (out) => (await import("./commands/completions.ts")).completionsCommand(out),
      },
    ],
  },
];

/** Names that other programs give to these commands. They work, too. */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map([
  ["push", ["upload"]],
  ["put", ["upload"]],
  ["pull", ["download"]],
  ["get", ["download"]],
  ["cat", ["download", "-o", "-"]],
  ["ls", ["list"]],
  ["rm", ["remove"]],
  ["delete", ["remove"]],
  ["version", ["--version"]],
  ["-V", ["--version"]],
  ["-v", ["--version"]],
]);

/** Options of every command, which may stand before it. */
const BEFORE_COMMANDS = ["-q", "--quiet", "-v", "--verbose"];

/** The arguments with the command's own name in the place of another program's name for it, and the command first. */
export function withOwnName([first = "", ...rest]: readonly string[]): string[] {
  if (BEFORE_COMMANDS.includes(first) && rest.length > 0) {
    const words = withOwnName(rest);
    const end = words.includes("--") ? words.indexOf("--") : words.length;
    return words.toSpliced(end, 0, first);
  }
  if (first === "help") return [first, ...withOwnName(rest).slice(0, 1), ...rest.slice(1)];
  return [...(SYNONYMS.get(first) ?? (first === "" ? [] : [first])), ...rest];
}

/** The command that the scripts of completions call. It is not for people, so the help omits it. */
export const HIDDEN_COMMAND: CommandEntry = {
  name: "complete",
  summary: "print the words that may replace the last word",
  load: async (out) => (await import("./commands/completions.ts")).completeCommand(out),
};
