// Live operations: a countdown to the end, live updates, and a tile per camera in which nobody can be recognised.
import { EVENT } from "./protocol.js";
import { openEvents } from "./socket.js";
import { learnTime, mark, serverNow } from "./time.js";

const root = document.getElementById("command");
const now = document.getElementById("now");
const line = document.getElementById("line");
const TILE_MS = 1000,
  PATIENCE_MS = 9000;

// The address of the picture shown in each tile.
const shown = new Map();

// Set when a form is submitted: its answer replaces this page.
let leaving = false;
document.addEventListener("submit", () => {
  leaving = true;
});

let heardAt = 0,
  sent = null,
  received = null;

refreshClock();
openEvents(root.dataset.socket, {
  told() {},
  hear({ kind }) {
    heardAt = performance.now();
    if (kind !== EVENT.BEAT) refresh();
  },
});
setInterval(tick, 1000);
setInterval(showTiles, TILE_MS);
showTiles();

function refreshClock(trip) {
  learnTime(now.querySelector(".clock"), trip);
  tick();
}

function tick() {
  const clock = now.querySelector(".clock");
  if (clock?.dataset.until) {
    const left = Math.max(0, Math.round(Number(clock.dataset.until) - serverNow()));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    clock.textContent = `${hours}:${String(minutes).padStart(2, "0")}:${String(seconds).padStart(2, "0")}`;
    clock.closest(".panel").classList.toggle("bad", left < 600);
  }
  const lost = performance.now() - heardAt > PATIENCE_MS;
  line.textContent = lost ? "The connection to the server is lost. This page is not up to date." : "Up to date";
  line.classList.toggle("field-error", lost);
}

// Ask for the page's present state now; htmx also does so every few seconds.
function refresh() {
  now.dispatchEvent(new Event("refresh"));
}

// What somebody is busy with is not replaced.
now.addEventListener("htmx:beforeRequest", (event) => {
  if (leaving || now.contains(document.activeElement)) event.preventDefault();
  else sent = mark();
});
now.addEventListener("htmx:beforeSwap", (event) => {
  received = mark();
  if (leaving || now.contains(document.activeElement)) event.detail.shouldSwap = false;
});
now.addEventListener("htmx:afterSwap", () => {
  for (const tile of now.querySelectorAll("img[data-tile]"))
    if (shown.has(tile.dataset.tile)) tile.src = shown.get(tile.dataset.tile);
  heardAt = performance.now();
  refreshClock({ sent, received });
  // The buttons beside it depend on the state. A reason that is being typed is not thrown away for them.
  const isTyping = document.getElementById("why-continue")?.value;
  if (now.querySelector("[data-state]").dataset.state !== root.dataset.state && !isTyping) location.reload();
});

async function showTiles() {
  for (const tile of now.querySelectorAll("img[data-tile]")) {
    const name = tile.dataset.tile;
    const before = shown.get(name);
    let address = "";
    try {
      const answer = await fetch(name, { cache: "no-store" });
      if (answer.status === 200) address = URL.createObjectURL(await answer.blob());
    } catch {
      /* no picture is shown */
    }
    // The tiles may have been replaced in the meantime.
    const present = now.querySelector(`img[data-tile="${name}"]`);
    if (address) shown.set(name, address);
    else shown.delete(name);
    if (present && address) present.src = address;
    else present?.removeAttribute("src");
    if (before) URL.revokeObjectURL(before);
  }
}
