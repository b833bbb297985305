/** A real terminal, of 80 columns and 24 lines mostly: tmux types, and shows what stands on the screen. @module */

/** A terminal with a program in it. */
export interface Screen extends AsyncDisposable {
  /** Types keys, by tmux's names: `Enter`, `C-c`, or text. */
  type(...keys: string[]): Promise<void>;
  /** Waits until the screen shows something, and gives the whole screen. Fails with the screen when it never does. */
  until(pattern: RegExp): Promise<string>;
  /** What stands on the screen now, line by line, and where the cursor is, both from 0. */
  look(): Promise<{ rows: string[]; cursor: { column: number; row: number } }>;
  /** Makes the window larger or smaller. */
  resize(columns: number, rows: number): Promise<void>;
  /** Whether the alternate screen is shown, and whether the cursor is. */
  modes(): Promise<{ alternate: boolean; cursor: boolean }>;
}

const MOST_LOOKS = 6000;

/** Runs a command in a terminal of its own. What it leaves on the screen stays there when it has ended. */
export async function openScreen(
  words: string[],
  env: Record<string, string>,
  { columns, rows }: { columns: number; rows: number } = { columns: 80, rows: 24 },
): Promise<Screen> {
  const socket = `layerstash-${crypto.randomUUID()}`;
  const tmux = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("tmux", { args: ["-L", socket, "-f", "/dev/null", ...args] })
      .output();
    return new TextDecoder().decode(stdout);
  };
  const settings = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const command = `${words.map((word) => `'${word}'`).join(" ")}; echo "ended with $?"; cat`;
  await tmux("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, ...settings, command);
  // On a busy machine tmux was seen to make it one line high: no client has told it a size.
  await tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
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
    async look() {
      const place = ["display-message", "-p", "#{cursor_x} #{cursor_y}"];
      const lines = (await tmux("capture-pane", "-p", ";", ...place)).trimEnd().split("\n");
      const [column = 0, row = 0] = lines.pop()!.split(" ").map(Number);
      return { rows: lines, cursor: { column, row } };
    },
    async resize(columns, rows) {
      await tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
    },
    async modes() {
      const [alternate, cursor] = await tmux("display-message", "-p", "#{alternate_on}#{cursor_flag}");
      return { alternate: alternate === "1", cursor: cursor === "1" };
    },
    async [Symbol.asyncDispose]() {
      await tmux("kill-server");
    },
  };
}
