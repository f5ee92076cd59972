// The operator's console. Events hold {kind, id}. Rows and cards are fetched, so that the server decides who sees what.
import { compare, moveBy, step as stepPictures, use as useTool } from "./compare.js";
import { fetchPiece, postPiece } from "./fetching.js";
import { keepingFocus } from "./focus.js";
import { EVENT } from "./protocol.js";
import { openEvents } from "./socket.js";
import { ring, soundButton } from "./sound.js";
import { learnTime, serverNow, tickAges } from "./time.js";

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
// The most rows that one fetch may name. For more, the whole queue is fetched.
const MOST_ROWS = 100,
  LONGEST_PART = 200;
// Seconds for which an alert opened by a colleague is left to them.
const LEFT_ALONE = 30;
const emptyCard = card.innerHTML;

// The connection.

let ended = false;

const line = openEvents(root.dataset.socket, {
  told(state) {
    const words = {
      on: ended ? "Deployment ended" : "Live",
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
    if (kind === EVENT.HELLO) refreshQueue();
    else if (kind === EVENT.ALERT_RAISED) wanted(id);
    else if (kind === EVENT.ALERT_CHANGED) {
      wanted(id);
      freshen(id);
    } else if (kind === EVENT.ALERT_SHOT_ADDED && shownId() === id) freshPictures(id);
    else if (kind === EVENT.DEPLOYMENT_ENDED) {
      ended = true;
      lineSign.dataset.state = "ended";
      lineSign.textContent = "Deployment ended";
      refreshQueue();
    }
  },
});

function fragment(html) {
  // In a template, nothing is loaded (including images) until it is put into the page.
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// The queue. However many events arrive, one fetch runs and at most one more follows it.

let fetching = false;
let everything = false;
const missing = new Set();

function wanted(id) {
  missing.add(id);
  fetchMissing();
}

function refreshQueue() {
  everything = true;
  return fetchMissing();
}

async function fetchMissing() {
  if (fetching || (!everything && !missing.size)) return;
  fetching = true;
  const whole = everything || missing.size > MOST_ROWS;
  const ids = [...missing];
  everything = false;
  missing.clear();
  const { html, ...trip } = await fetchPiece(whole ? `${base}queue/` : `${base}rows/?ids=${ids.join(",")}`, "queue");
  fetching = false;
  if (html === undefined) {
    // Nothing is lost: the next event or timer fetches the whole queue.
    everything = true;
    return;
  }
  const fresh = fragment(html);
  learnTime(fresh.firstElementChild, trip);
  keepingFocus(queue, "id", () => {
    if (whole) return queue.replaceChildren(fresh);
    const rows = [...fresh.querySelectorAll("li[data-id]")];
    const found = new Set(rows.map(({ dataset }) => dataset.id));
    for (const id of ids) if (!found.has(id)) gone(id);
    rows.forEach(putRow);
    for (const count of fresh.querySelectorAll("[data-count]")) setCount(count.dataset.count, count.textContent);
  });
  settle();
  fetchMissing();
}

function putRow(row) {
  document.getElementById(row.id)?.remove();
  const part = queue.querySelector(`[data-rows="${row.dataset.section}"]`);
  if (!part) return;
  const after = [...part.children].find((other) => other.dataset.order > row.dataset.order);
  part.insertBefore(row, after ?? null);
  if (part.children.length > LONGEST_PART) part.lastElementChild.remove();
}

// The alert is no longer shown here: it was referred to others, or is a known-negative check that expired.
function gone(id) {
  document.getElementById(`alert-${id}`)?.remove();
  if (shownId() === id) card.innerHTML = emptyCard;
}

function setCount(name, text) {
  const place = queue.querySelector(`[data-count="${name}"]`);
  if (place) place.textContent = text;
}

let known = null;
let alarmed = new Set();

function settle() {
  tickAges(root);
  const waiting = [...queue.querySelectorAll('[data-rows="waiting"] > li')];
  const count = queue.querySelector('[data-count="waiting"]')?.textContent ?? "0";
  document.title = count === "0" ? title : `(${count}) ${title}`;
  // New alerts are announced however they arrived: by event, after a lost connection or by timer.
  const fresh = known ? waiting.filter(({ dataset }) => !known.has(dataset.id)) : [];
  if (fresh.length) tell(fresh, count);
  known = new Set([...(known ?? []), ...waiting.map(({ dataset }) => dataset.id)]);
  const alarms = [...queue.querySelectorAll("li[data-alarm]")].map(({ dataset }) => dataset.id);
  if (alarms.some((id) => !alarmed.has(id))) {
    ring("red");
    announce.textContent = "No officer has responded to a possible match that was referred";
  }
  alarmed = new Set(alarms);
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

function tell(fresh, count) {
  const tiers = fresh.map(({ dataset }) => dataset.tier);
  const tier = ["red", "amber", "green"].find((each) => tiers.includes(each));
  ring(tier);
  announce.textContent = `New possible match: ${count} waiting`;
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    new Notification("Possible match", {
      body: `${tier ?? "New"}: ${count} waiting to be compared.`,
      tag: "lfr",
      renotify: true,
    });
  }
}

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
  if (answer?.status === 409 && unasked) return wanted(id);
  if (answer === null || answer.status === 409) answer = await fetchPiece(`/alerts/${id}/`, "card");
  if (answer.isLate) return;
  if (answer.html === undefined) return complain(answer.reason);
  complain("");
  put(answer.html);
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
    put(html);
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
  wanted(id);
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

const MOVES = { arrowleft: [-30, 0], arrowright: [30, 0], arrowup: [0, -30], arrowdown: [0, 30] };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("select")) return event.target.blur();
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.matches("input:not([type=checkbox]), textarea, select")
  )
    return;
  const key = event.key.toLowerCase();
  if (event.shiftKey && key in MOVES) {
    event.preventDefault();
    return moveBy(card, ...MOVES[key]);
  }
  if (event.repeat) return;
  if (key === "?") return void keys.click();
  if (key === "arrowdown" || key === "arrowup") {
    event.preventDefault();
    return step(key === "arrowdown" ? 1 : -1);
  }
  if (!areLettersOn) return;
  if (key === "m") return void sound.click();
  if (key === "," || key === ".") return stepPictures(card, "shot", key === "." ? 1 : -1);
  if (key === "p") return stepPictures(card, "photograph", 1);
  if (/^[1-8]$/.test(key)) return cycle(Number(key));
  const name = key === "=" ? "+" : key;
  root.querySelector(`.card-side button[data-key="${CSS.escape(name)}"]:not(:disabled)`)?.click();
});

function step(by) {
  const rows = [...queue.querySelectorAll("li[data-id]")];
  const at = rows.findIndex((row) => row.dataset.id === shownId());
  const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (!row) return;
  row.scrollIntoView({ block: "nearest" });
  browse(row.dataset.id);
}

// A list that was used with a pointer must not keep the focus and swallow the keys for decisions.
let isPointer = false;
addEventListener(
  "pointerdown",
  () => {
    isPointer = true;
  },
  true,
);
addEventListener(
  "keydown",
  () => {
    isPointer = false;
  },
  true,
);
card.addEventListener("change", ({ target }) => {
  if (isPointer && target.matches("select")) target.blur();
});

// Sound, notifications, keys.

soundButton(sound);
if ("Notification" in window && Notification.permission === "default") {
  notify.hidden = false;
  notify.addEventListener("click", async () => {
    await Notification.requestPermission();
    notify.hidden = Notification.permission !== "default";
  });
}
// Users who dictate, or press keys by accident, can turn single letters and digits off.
const LETTERS = "console-letters";
let areLettersOn = localStorage.getItem(LETTERS) !== "off";

function sayLetters() {
  letters.setAttribute("aria-pressed", String(areLettersOn));
  letters.textContent = areLettersOn ? "Single-key shortcuts are on" : "Single-key shortcuts are off";
}

letters.addEventListener("click", () => {
  areLettersOn = !areLettersOn;
  localStorage.setItem(LETTERS, areLettersOn ? "on" : "off");
  sayLetters();
});
sayLetters();
keys.addEventListener("click", () => {
  const help = document.getElementById("keys-help");
  help.hidden = !help.hidden;
  keys.setAttribute("aria-expanded", String(!help.hidden));
});

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
  if (line.isOpen()) refreshQueue();
}, QUEUE_EVERY);
setInterval(async () => {
  if (document.hidden) return;
  const { html } = await fetchPiece(`${base}measured/`, "measured");
  if (html !== undefined) measured.innerHTML = html;
}, MEASURED_EVERY);
learnTime(queue.firstElementChild);
settle();
