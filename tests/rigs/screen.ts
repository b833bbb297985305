/** A real terminal, of 80 columns and 24 lines mostly: tmux types, and shows what stands on the screen. @module */
import { Tmux } from "./tmux.ts";

/** A terminal with a program in it. */
export interface Screen extends AsyncDisposable {
  /** Types keys, by tmux's names: `Enter`, `C-c`, or text. */
  type(...keys: string[]): Promise<void>;
  /**
   * Waits until the screen shows something, and gives the whole screen. Fails with the screen when it never does. Programs
   * draw line by line, and the other lines may still be those of before: what they must show, too, belongs to the pattern.
   */
  until(pattern: RegExp): Promise<string>;
  /** What stands on the screen now, line by line, and where the cursor is, both from 0. */
  look(): Promise<{ rows: string[]; cursor: { column: number; row: number } }>;
  /** What stands on the screen now, with the escape sequences that colour it. */
  colours(): Promise<string>;
  /** Makes the window larger or smaller. */
  resize(columns: number, rows: number): Promise<void>;
  /** Whether the alternate screen is shown, and whether the cursor is. */
  modes(): Promise<{ alternate: boolean; cursor: boolean }>;
}

/** What a terminal of any person has. */
const TERMINAL = { LANG: "C.UTF-8", TERM: "xterm" };

/** Milliseconds after which a screen is taken to be stuck. It only ends a test that would wait forever. */
const STUCK = 120_000;

/**
 * Runs a command in a terminal of its own, with these variables alone. What it leaves on the screen stays there when it
 * has ended.
 */
export async function openScreen(
  words: string[],
  env: Record<string, string>,
  { columns, rows }: { columns: number; rows: number } = { columns: 80, rows: 24 },
): Promise<Screen> {
  const command = `${words.map((word) => `'${word}'`).join(" ")}; echo "ended with $?"; cat`;
  const tmux = new Tmux(command, ["-x", `${columns}`, "-y", `${rows}`], { ...TERMINAL, ...env });
  const resize = (columns: number, rows: number) =>
    tmux.tell("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  await resize(columns, rows);
  return {
    async type(...keys) {
      await tmux.tell("send-keys", ...keys);
    },
    until: (pattern) => waitFor(tmux, pattern),
    async look() {
      const [shown, place] = await Promise.all([
        tmux.tell("capture-pane", "-p"),
        tmux.tell("display-message", "-p", "#{cursor_x} #{cursor_y}"),
      ]);
      const [column = 0, row = 0] = place.split(" ").map(Number);
      return { rows: shown.split("\n"), cursor: { column, row } };
    },
    colours: () => tmux.tell("capture-pane", "-p", "-e"),
    async resize(columns, rows) {
      await resize(columns, rows);
    },
    async modes() {
      const [alternate, cursor] = await tmux.tell("display-message", "-p", "#{alternate_on}#{cursor_flag}");
      return { alternate: alternate === "1", cursor: cursor === "1" };
    },
    [Symbol.asyncDispose]: () => tmux[Symbol.asyncDispose](),
  };
}

async function waitFor(tmux: Tmux, pattern: RegExp): Promise<string> {
  let shown = "";
  const stuck = Promise.withResolvers<never>();
  const fail = () => stuck.reject(new Error(`the screen never showed ${pattern}:\n${shown}`));
  const timer = setTimeout(fail, STUCK);
  try {
    while (true) {
      const { news } = tmux;
      shown = `${await tmux.tell("capture-pane", "-p")}\n`;
      if (pattern.test(shown)) return shown;
      await Promise.race([news, stuck.promise]);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** What a screen shows, without the breaks of lines: those at words are blanks, and those of the terminal are nothing. */
export function unbroken(shown: string): string {
  return shown.replaceAll("\n  ", " ").replaceAll("\n", "");
}
