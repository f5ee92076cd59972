// The operator's console. Events hold {kind, id}. Rows and cards are fetched, so that the server decides who sees what.
import { compare, use as useTool } from "./compare.js";
import { fetchPiece, fragment, postPiece } from "./fetching.js";
import { EVENT } from "./protocol.js";
import { keepQueue } from "./queue.js";
import { listenToKeys } from "./shortcuts.js";
import { openEvents } from "./socket.js";
import { soundButton } from "./sound.js";
import { teller } from "./telling.js";
import { learnTime, serverNow, tickAges } from "./time.js";
import { typeAgain, typedIn } from "./typing.js";

const root = document.getElementById("console");
const [lineSign, lost, sound, notify, keys, letters, card, queue, announce, problem, undoBar, measured] = [
  "line",
  "lost",
  "sound",
  "notify",
  "keys",
  "letters",
  "card",
  "queue",
  "announce",
  "card-error",
  "undo-bar",
  "measured",
].map((id) => document.getElementById(id));
const base = root.dataset.base;
const decides = "decides" in root.dataset;
const title = document.title;
const QUEUE_EVERY = 20000,
  MEASURED_EVERY = 5000;
const NEXT_AFTER = 1300,
  LOOK_FIRST = 1000;
// How long a card that the user opened and is working on stays open.
const BROWSING = 15000;
// Seconds for which an alert opened by a colleague is left to them.
const LEFT_ALONE = 30;
const emptyCard = card.innerHTML;

// The connection.

let ended = false;

const line = openEvents(root.dataset.socket, {
  told(state) {
    const words = {
      on: ended ? "Deployment ended" : "Connected",
      lost: "Connection lost",
      refused: "Signed out, or no permission",
    };
    lineSign.dataset.state = state === "on" && ended ? "ended" : state === "refused" ? "lost" : state;
    lineSign.textContent = words[state];
    lost.hidden = state === "on";
    if (state !== "refused") return;
    // Users who may no longer see the deployment must not keep seeing its faces.
    lost.textContent = "You are signed out, or no longer have permission to see this deployment.";
    for (const place of [card, queue, undoBar]) place.replaceChildren();
  },
  hear({ kind, id }) {
    if (kind === EVENT.HELLO) refresh();
    else if (kind === EVENT.ALERT_RAISED) want(id);
    else if (kind === EVENT.ALERT_CHANGED) {
      want(id);
      freshen(id);
    } else if (kind === EVENT.ALERT_SHOT_ADDED && shownId() === id) freshPictures(id);
    else if (kind === EVENT.DEPLOYMENT_ENDED) {
      ended = true;
      lineSign.dataset.state = "ended";
      lineSign.textContent = "Deployment ended";
      refresh();
    }
  },
});

// The queue.

const { want, refresh } = keepQueue(queue, base, { gone, settle });

// The alert is no longer shown here: it was referred to others, or is a known-negative check that expired.
function gone(id) {
  document.getElementById(`alert-${id}`)?.remove();
  if (shownId() === id) card.innerHTML = emptyCard;
}

const tell = teller({ announce, notify, queue });

function settle() {
  tickAges(root);
  const count = queue.querySelector('[data-count="waiting"]')?.textContent ?? "0";
  document.title = count === "0" ? title : `(${count}) ${title}`;
  tell();
  if (leaving || showing || sending) return mark();
  // An event may have been lost with the connection, or while an act was being sent.
  const row = document.getElementById(`alert-${shownId()}`);
  if (row && Number(row.dataset.revision) > Number(card.firstElementChild.dataset.revision)) freshen(shownId());
  else if (decides && isFree()) next();
  mark();
}

// A card that still needs a decision, or that the user is working on, is never replaced. Other cards are.
let touchedAt = -BROWSING;

function isFree() {
  return !shownId() || (!card.querySelector("[data-decidable]") && performance.now() - touchedAt > BROWSING);
}

for (const kind of ["pointerdown", "keydown", "change"])
  card.addEventListener(kind, () => {
    touchedAt = performance.now();
  });

function mark() {
  for (const row of queue.querySelectorAll(".alert-row"))
    row.setAttribute("aria-current", String(row.parentElement.dataset.id === shownId()));
}

// The card.

function shownId() {
  return card.querySelector(".alert-card")?.dataset.id ?? null;
}

function put(html) {
  const hadFocus = card.contains(document.activeElement);
  card.innerHTML = html;
  takeUndo(card);
  compare(card);
  tickAges(root);
  mark();
  if (hadFocus) focusTitle();
}

// Put a newer version of the card on screen. What the user has opened and typed stays.
function putAgain(html) {
  const opened = typedIn(card);
  put(html);
  typeAgain(card, opened);
}

function takeUndo(where) {
  const undo = where.querySelector(".undo");
  if (undo) undoBar.replaceChildren(undo);
}

function focusTitle() {
  card.querySelector("h2")?.focus({ preventScroll: true });
}

let showing = 0;

async function show(id, how = {}) {
  showing += 1;
  await fetchCard(id, how);
  showing -= 1;
}

async function fetchCard(id, { unasked = false }) {
  const row = document.getElementById(`alert-${id}`);
  let answer = null;
  if (decides && row?.dataset.state === "raised")
    answer = await postPiece(`/alerts/${id}/acts/open/`, new FormData(), root.dataset.csrf, "card");
  if (answer?.isLate) return;
  // Somebody else opened it at the same moment. It is shown only to a user who chose it; others get the next one.
  if (answer?.status === 409 && unasked) return want(id);
  if (answer === null || answer.status === 409)
    answer = await fetchPiece(`/alerts/${id}/${unasked ? "" : "?chosen"}`, "card");
  if (answer.isLate) return;
  if (answer.html === undefined) return complain(answer.reason);
  complain("");
  // The card may have been on screen already, and the user may have begun to fill it in.
  if (shownId() === id) putAgain(answer.html);
  else put(answer.html);
  if (unasked) holdStill();
}

// Update the card on screen.
async function freshen(id, { isTold = false } = {}) {
  if (shownId() !== id || sending || showing) return;
  const { html, status, isLate } = await fetchPiece(`/alerts/${id}/`, "card");
  if (isLate || shownId() !== id) return;
  if (status === 404) gone(id);
  if (html === undefined) return;
  const fresh = fragment(html).firstElementChild;
  const wasToJudge = card.querySelector("[data-decidable]");
  if (!wasToJudge || !("decidable" in fresh.dataset)) {
    // If the answer to the user's own decision was lost, the new card offers to undo it.
    const words =
      fresh.dataset.state === "expired"
        ? "Nobody decided on this possible match in time."
        : "A colleague has already decided on this possible match.";
    if (wasToJudge && !isTold && !fresh.querySelector(".undo")) complain(words);
    putAgain(html);
    if (wasToJudge) leave(id, NEXT_AFTER * 4);
    return;
  }
  // Still undecided: marked features stay, and the decision applies to the new revision.
  if (card.firstElementChild.dataset.revision === fresh.dataset.revision) return;
  Object.assign(card.firstElementChild.dataset, fresh.dataset);
  for (const part of ['[name="revision"]', ".earlier-reasons"])
    card.querySelector(`.judge ${part}`).replaceWith(fresh.querySelector(`.judge ${part}`));
  if (fresh.dataset.state === "inconclusive") card.querySelector('[data-key="c"]').disabled = true;
}

async function freshPictures(id) {
  const { html, isLate } = await fetchPiece(`/alerts/${id}/`, "pictures");
  if (html === undefined || isLate || shownId() !== id) return;
  const shots = fragment(html).querySelector(".shots");
  if (!shots) return;
  // The shot that is being compared stays. A better one can be selected beside it.
  const shown = card.querySelector(".probe img")?.getAttribute("src");
  for (const shot of shots.querySelectorAll("[data-shot]"))
    shot.setAttribute("aria-pressed", String(shot.dataset.shot === shown));
  card.querySelector(".shots")?.replaceWith(shots);
}

function holdStill() {
  // A key or click meant for the previous face must not decide on the one that has just opened by itself.
  const buttons = [...card.querySelectorAll(".decisions button:not(:disabled)")];
  for (const button of buttons) button.disabled = true;
  setTimeout(() => {
    for (const button of buttons) button.disabled = false;
  }, LOOK_FIRST);
}

function complain(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

queue.addEventListener("click", ({ target }) => {
  const row = target.closest("li[data-id]");
  if (row) browse(row.dataset.id);
});

async function browse(id) {
  touchedAt = performance.now();
  // A card that is already being decided keeps its marked features.
  if (shownId() !== id || !card.querySelector("[data-decidable]")) await show(id);
  if (shownId() === id && queue.contains(document.activeElement)) focusTitle();
}

measured.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-open]");
  if (button) browse(button.dataset.open);
});

card.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if (button.dataset.finding) find(button);
  else if (button.dataset.open) browse(button.dataset.open);
  else if (button.closest(".tools")) useTool(card, button);
});

// The features compared.

function find(button) {
  const isMarked = button.getAttribute("aria-pressed") === "true";
  setFinding(button.closest(".feature"), isMarked ? "" : button.dataset.finding);
}

function setFinding(feature, finding) {
  feature.querySelector("input").value = finding;
  for (const each of feature.querySelectorAll("[data-finding]"))
    each.setAttribute("aria-pressed", String(each.dataset.finding === finding));
}

function cycle(number) {
  const feature = card.querySelectorAll(".feature")[number - 1];
  if (feature)
    setFinding(feature, { "": "alike", alike: "differs", differs: "" }[feature.querySelector("input").value]);
}

// Deciding.

let sending = false;
let leaving = null;
// The key of each act that was begun, so that pressing again after a lost answer repeats the same act.
const acts = new Map();

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  sending = true;
  complain("");
  const form = event.target;
  const url = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  const id = url.split("/")[2];
  const body = new FormData(form);
  const name = `${url} ${body.get("revision")}`;
  if (!acts.has(name)) acts.set(name, crypto.randomUUID());
  body.set("key", acts.get(name));
  const { html, reason, status, isLate } = await postPiece(url, body, root.dataset.csrf, "card");
  sending = false;
  if (html !== undefined) {
    acts.delete(name);
    if (form.matches(".undo")) undoBar.replaceChildren();
    // Another card was opened in the meantime. This decision can still be undone.
    if (isLate) takeUndo(fragment(html));
    else put(html);
    if (!isLate) focusTitle();
  } else {
    complain(reason);
    // Missing input can be added. If somebody else acted first, show the alert as it is now.
    if (status === 409) await freshen(id, { isTold: true });
    if (status === 404) gone(id);
  }
  want(id);
  if (!card.querySelector("[data-decidable]")) leave(id, reason ? NEXT_AFTER * 4 : NEXT_AFTER);
}

function leave(id, after) {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    leaving = null;
    if (sending || showing) return;
    if (card.querySelector("[data-decidable]") || ![id, null].includes(shownId())) return;
    touchedAt = -BROWSING;
    next();
  }, after);
}

card.addEventListener("submit", submit);
// Enter in a field would press the first of the three buttons. No decision may be the default.
card.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
});
undoBar.addEventListener("submit", submit);

function next() {
  // Red before amber before green, then the oldest; also what a colleague opened long ago. Inconclusive ones last.
  const rows = [...queue.querySelectorAll('[data-rows="waiting"] > li:not([data-purged])')];
  const row =
    rows.find((each) => each.dataset.state === "raised" || (each.dataset.state === "review" && isLeft(each))) ??
    rows.find(({ dataset }) => dataset.state === "inconclusive" && !("own" in dataset));
  if (row && row.dataset.id !== shownId()) show(row.dataset.id, { unasked: true });
}

function isLeft(row) {
  return "own" in row.dataset || serverNow() - Number(row.dataset.opened) > LEFT_ALONE;
}

function step(by) {
  const rows = [...queue.querySelectorAll("li[data-id]")];
  const at = rows.findIndex((row) => row.dataset.id === shownId());
  const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (!row) return;
  row.scrollIntoView({ block: "nearest" });
  browse(row.dataset.id);
}

// Sound and keys.

soundButton(sound);
listenToKeys({ root, card, keys, letters, sound, step, cycle });

// Timers.

setInterval(() => {
  tickAges(root);
  const undo = undoBar.querySelector(".undo");
  if (!undo) return;
  const left = Math.ceil(Number(undo.dataset.until) - serverNow());
  undo.querySelector(".undo-left").textContent = Math.max(left, 0);
  if (left > 0 || showing || sending) return;
  undoBar.replaceChildren();
  // The decision is final now. If the card is still open, name and score are shown.
  const id = undo.getAttribute("action").split("/")[2];
  freshen(id);
}, 250);
// If an event is lost, the queue is right again within this time.
setInterval(() => {
  if (line.isOpen()) refresh();
}, QUEUE_EVERY);
setInterval(async () => {
  if (document.hidden) return;
  const { html } = await fetchPiece(`${base}measured/`, "measured");
  if (html !== undefined) measured.innerHTML = html;
}, MEASURED_EVERY);
learnTime(queue.firstElementChild);
settle();
