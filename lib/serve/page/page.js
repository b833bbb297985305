// What the pages do beyond links: directories open in place, the search answers while one types, and commands are copied.
"use strict";

/** The list below a path, as the server makes it. */
async function listAt(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  // The server escapes every name, and the content policy of the page lets no script in it run.
  return new DOMParser().parseFromString(await answer.text(), "text/html").body;
}

/** Puts a button before each directory, which shows what is in it. */
function addOpeners(list) {
  for (const line of list.querySelectorAll(".directory > .line")) {
    const name = line.querySelector("a.name");
    if (!name || line.querySelector(".opener")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "opener";
    button.textContent = "▶";
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", `Show what is in ${name.textContent}`);
    button.addEventListener("click", () => toggle(button, name));
    name.before(button);
  }
}

async function toggle(button, name) {
  const row = button.closest(".row");
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  let below = row.querySelector(":scope > .below");
  if (below) {
    below.hidden = isOpen;
    return;
  }
  below = document.createElement("div");
  below.className = "below";
  below.setAttribute("aria-live", "polite");
  row.append(below);
  try {
    below.replaceChildren(...(await listAt(`${name.getAttribute("href")}?rows`)).childNodes);
    addOpeners(below);
  } catch (error) {
    below.textContent = `This could not be read: ${error.message}`;
  }
}

/** Moves through a tree with the arrow keys: up and down among the names, right opens, left closes. */
function moveByKeys(tree) {
  tree.addEventListener("keydown", (event) => {
    const names = [...tree.querySelectorAll("a.name")].filter((each) => each.offsetParent !== null);
    const row = event.target.closest(".row");
    const at = names.indexOf(row?.querySelector(".line a.name"));
    if (at < 0) return;
    const opener = row.querySelector(":scope > .line .opener");
    const isOpen = opener?.getAttribute("aria-expanded") === "true";
    if (event.key === "ArrowDown") names[at + 1]?.focus();
    else if (event.key === "ArrowUp") names[at - 1]?.focus();
    else if (event.key === "ArrowRight" && opener && !isOpen) opener.click();
    else if (event.key === "ArrowLeft" && isOpen) opener.click();
    else if (event.key === "ArrowLeft") row.parentElement.closest(".row")?.querySelector(".name")?.focus();
    else return;
    event.preventDefault();
  });
}

/** Searches while one types; the answer to an older question is dropped. */
function searchAtOnce(form, rows) {
  const input = form.querySelector("input");
  let [asked, waiting] = [0, 0];
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const number = ++asked;
      const query = input.value.trim();
      const path = `${rows.dataset.base}?rows${query === "" ? "" : `&q=${encodeURIComponent(query)}`}`;
      try {
        const found = await listAt(path);
        if (number !== asked) return;
        rows.replaceChildren(...found.childNodes);
        if (query === "") addOpeners(rows);
      } catch (error) {
        if (number === asked) rows.textContent = `The search failed: ${error.message}`;
      }
    }, 150);
  });
}

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const [index, way] of document.querySelectorAll(".way").entries()) {
    const command = way.querySelector("code");
    command.id = `command-${index}`; // several buttons have the same text: this tells them apart
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-describedby", command.id);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
    way.append(button);
  }
}

const rows = document.querySelector("#rows.tree");
if (rows) {
  addOpeners(rows);
  moveByKeys(rows);
  const form = document.querySelector("form.search");
  if (form) searchAtOnce(form, rows);
}
addCopyButtons();
document.documentElement.classList.add("ready");
