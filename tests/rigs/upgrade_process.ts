/**
 * The command `upgrade` in a process of its own, for a program that is not the one that runs:
 * `upgrade_process.ts PROGRAM VERSION TARGET [ARGUMENT...]`.
 *
 * @module
 */
import { CommandEnded } from "../../lib/cli/exit_codes.ts";
import { upgradeCommand } from "../../lib/cli/commands/upgrade.ts";

const [program = "", version = "", target = "", ...args] = Deno.args;
try {
  await upgradeCommand(() => ({ program, version, target })).parseAsync(args, { from: "user" });
} catch (error) {
  if (!(error instanceof CommandEnded)) throw error;
  Deno.exit(error.exitCode);
}
