/** What is said of a stored file that is incomplete or torn: what is wrong, and what to type. @module */
import { NotFoundError } from "../../errors.ts";
import { stateOfStash, TornStashError } from "../../stash/torn_stash.ts";
import type { FoundBroken } from "../files/found.ts";
import { textResponse } from "../part.ts";
import { addressAt, type Way, waysSection } from "./commands_view.ts";
import { html } from "./html.ts";
import { pageResponse } from "./page.ts";
import { badge } from "./words.ts";

/** Says it to programs. */
export function brokenResponse(found: FoundBroken, url: URL): Response {
  const ways = waysOutOf(found, url).map(({ label, command }) => `; ${label}: ${command}`);
  return textResponse(statusOf(found), `${found.reference} is ${found.reason.fault}${ways.join("")}`);
}

/** Says it to people. */
export function brokenPage(found: FoundBroken, url: URL): Response {
  const { names, reason } = found;
  const name = names.at(-1)!;
  const body = html`
    <h1>${name} ${badge(stateOfStash(reason), "bad")}</h1>
    <section class="card" aria-label="What is wrong">
      <p class="problem">This file cannot be brought back. It is ${reason.fault}.</p>
      <p>${reason instanceof TornStashError
        ? "An upload or copy that replaces it was interrupted."
        : "Its upload was interrupted, or is still under way."} The same upload again mends it.</p>
    </section>
    ${waysSection(waysOutOf(found, url), "What to type")}
  `;
  return pageResponse({ title: name, names, body, status: statusOf(found) });
}

/** To whoever asks for the file, what is incomplete is not there, and what is torn is in a state that has to change first. */
function statusOf({ reason }: FoundBroken): 404 | 409 {
  return reason instanceof NotFoundError ? 404 : 409;
}

function waysOutOf(found: FoundBroken, url: URL): Way[] {
  const { reason, repository } = found;
  const [address, old] = [addressAt(url, found), reason instanceof TornStashError ? reason.old : undefined];
  const again = `layerstash upload FILE ${address}${reason instanceof TornStashError ? " --overwrite" : ""}`;
  return [
    ...(repository.isWritable ? [{ label: "to mend it", command: again }] : []),
    ...(old
      ? [{
        label: "the old file",
        command: `layerstash download ${addressAt(url, { repository, reference: old })}`,
      }]
      : []),
    ...(repository.isWritable
      ? [{ label: "to remove it", command: `layerstash remove ${address}` }]
      : [{ label: "to see more", command: `layerstash info ${address}` }]),
  ];
}
