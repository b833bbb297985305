/** `layerstash keygen`. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { giveFreeName, writeAndName } from "../../content/atomic_file.ts";
import { writeError } from "../../content/file_errors.ts";
import { ConflictError } from "../../errors.ts";
import type { GeneratedKey } from "../../encryption/generate_key.ts";
import { generateKey } from "../../exports/encryption.ts";
import { action } from "../action.ts";
import { networkCommand } from "../base_commands.ts";
import type { ConnectionFlags } from "../connection.ts";

const EXAMPLES = `
Examples:
  $ layerstash keygen key.txt > public.txt
  $ layerstash upload disk.img oci:./box/me/files:x --encrypt-to public.txt

download --identity key.txt decrypts. Whoever has the file can do that, and
without it nobody can: keep a copy of it. It is what age-keygen makes, and the
program age reads it. The public key is printed; without a file, or with - in
its place, both keys are. More: layerstash help encryption
`;

interface KeygenFlags extends ConnectionFlags {
  file?: string | undefined;
  postQuantum?: boolean | undefined;
}

/** Makes the command. */
export function keygenCommand(): CommandUnknownOpts {
  const bare = new Command("keygen")
    .argument("[file]", "the new file of the secret key, for its owner only")
    .option("--post-quantum", "a key that withstands a quantum computer, and is long");
  const command = networkCommand(bare).addHelpText("after", EXAMPLES);
  const work = action<KeygenFlags>(
    ({ file }) => file === undefined ? "make a key" : `make the key ${file}`,
    async ({ terminal }, { file, postQuantum }) => {
      const key = await generateKey({ postQuantum: postQuantum === true });
      if (file === undefined) return terminal.data(keyFileOf(key));
      await writeNewFile(file, keyFileOf(key));
      terminal.data(`${key.recipient}\n`);
      terminal.note(`wrote ${file}: keep a copy, because nobody can decrypt without it`);
    },
  );
  command.action((file, flags, parsed) => work({ ...flags, file: file === "-" ? undefined : file }, parsed));
  return command;
}

/** In the form of age-keygen. */
function keyFileOf({ identity, recipient }: GeneratedKey): string {
  const created = new Date().toISOString().replace(/\.\d+/, "");
  return `# created: ${created}\n# public key: ${recipient}\n${identity}\n`;
}

/** Writes a file for its owner only, whole or not at all. Another one is never replaced: what it decrypts could not be read again. */
async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    const name = async (temporary: string) =>
      await giveFreeName(temporary, path).catch((e) => refuse(path, e));
    await writeAndName(path, [new TextEncoder().encode(text)], { mode: 0o600, name });
  } catch (error) {
    throw writeError(error, path);
  }
}

function refuse(path: string, cause: unknown): never {
  if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
  throw new ConflictError(`${path} exists, and a key is never replaced`, {
    hint: "name another file",
    cause,
  });
}
