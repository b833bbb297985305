/** A real terminal of 80 columns and 24 lines: tmux types, and shows what stands on the screen. @module */

/** A terminal with a program in it. */
export interface Screen extends AsyncDisposable {
  /** Types keys, by tmux's names: `Enter`, `C-c`, or text. */
  type(...keys: string[]): Promise<void>;
  /** Waits until the screen shows something, and gives the whole screen. Fails with the screen when it never does. */
  until(pattern: RegExp): Promise<string>;
}

const MOST_LOOKS = 2000;

/** Runs a command in a terminal of its own. What it leaves on the screen stays there when it has ended. */
export async function openScreen(words: string[], env: Record<string, string>): Promise<Screen> {
  const socket = `layerstash-${crypto.randomUUID()}`;
  const tmux = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("tmux", { args: ["-L", socket, "-f", "/dev/null", ...args] })
      .output();
    return new TextDecoder().decode(stdout);
  };
  const settings = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const command = `${words.map((word) => `'${word}'`).join(" ")}; echo "ended with $?"; cat`;
  await tmux("new-session", "-d", "-x", "80", "-y", "24", ...settings, command);
  return {
    async type(...keys) {
      await tmux("send-keys", ...keys);
    },
    async until(pattern) {
      let shown = "";
      for (let looks = 0; looks < MOST_LOOKS; looks++) {
        shown = await tmux("capture-pane", "-p");
        if (pattern.test(shown)) return shown;
      }
      throw new Error(`the screen never showed ${pattern}:\n${shown}`);
    },
    async [Symbol.asyncDispose]() {
      await tmux("kill-server");
    },
  };
}
