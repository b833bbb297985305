/** How much is told on standard error. @module */
import type { TransferEvent } from "../events.ts";

/** From which weight on lines are printed. */
export type LogLevel = "trace" | "debug" | "info" | "warning" | "critical";

/** Every log level, the most talkative first. */
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warning", "critical"];

/** Whether a line of some weight is printed; errors always are. */
export function isTold(level: LogLevel, { from }: { from: LogLevel }): boolean {
  return level === "critical" || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(from);
}

/** The weight of an event. */
export function levelOf(event: TransferEvent): LogLevel {
  switch (event.type) {
    case "retry":
    case "notice":
      return "warning";
    case "resume": // the display counts what was there; that some of it is bad is news
      return event.bytes < 0 ? "info" : "debug";
    case "plan":
    case "blob":
    case "request":
      return "debug";
    case "progress":
      return "trace";
  }
}
