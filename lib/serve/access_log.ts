/** Lines of an access log in the common form, as Apache and nginx write them and other programs read them. @module */
import { printable } from "../messages.ts";
import type { Exchanged } from "./node_exchange.ts";
import { basicCredentials } from "./passwords.ts";

/** How much of a request's target a line shows, in characters. */
const LONGEST_TARGET = 2048;

/** `127.0.0.1 - fred [28/Nov/2026:09:10:11 +0000] "GET /v2/ HTTP/1.1" 200 2` */
export function accessLine(
  { client, method, target, status, sent, authorization }: Exchanged,
  now: Date,
): string {
  const user = status === 401 ? undefined : basicCredentials(authorization)?.name;
  const request = `${method} ${target.slice(0, LONGEST_TARGET)} HTTP/1.1`;
  return `${client} - ${word(user)} [${logTime(now)}] "${quotable(request)}" ${status} ${sent || "-"}`;
}

function word(text: string | undefined): string {
  return text ? quotable(text).replaceAll(" ", "_") : "-";
}

function quotable(text: string): string {
  return printable(text).replace(/["\\]/g, "\\$&");
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function logTime(now: Date): string {
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(now.toISOString()) ?? [];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}
