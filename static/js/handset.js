// The officer's phone. Faces are kept in this page's memory only; what waits to be sent (ids and codes) survives it.
import { learnTime, openLine, serverNow, span, tickAges } from "./line.js";
import { ring, soundButton } from "./sound.js";

const root = document.getElementById("handset");
const [lineSign, sound, outboxSign, refusedSign, reminder, front, street] =
  ["line", "sound", "outbox", "refused", "reminder", "front", "street"].map((id) => document.getElementById(id));
// Of this officer alone: a phone goes from hand to hand.
const OUTBOX = `handset-outbox-${root.dataset.user}`;
const PATIENCE = 8000, RETRY = 4000, LIST_EVERY = 15000, GENTLE = 700, SHOWN_DONE = 6000, KEPT_CARDS = 6;

// Fetching.

async function fetchHtml(url, options = {}) {
  let response, text;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options });
    // A line may break in the middle of an answer as well.
    text = await response.text();
  } catch {
    return { isAway: true };
  }
  if (response.redirected) return { reason: "You are signed out. Sign in again.", isAway: true };
  if (response.status >= 500 || response.status === 429) return { isAway: true };
  if (response.ok) return { html: text };
  const reason = new DOMParser().parseFromString(text, "text/html").getElementById("reason")?.textContent;
  // Refused for what it says, or because somebody was first: that is an answer. Anything else may be about who asks.
  if (response.status === 409 || response.status === 422) return { reason: reason ?? "The server refused it." };
  return { isBarred: true };
}

// The list, and the cards of what is on it: fetched as long as there is a connection, so that they are there without.

const cards = new Map();
let known = null;
let waiting = null;

function refreshSoon() {
  waiting ??= setTimeout(() => { waiting = null; refresh(); }, GENTLE);
}

async function refresh() {
  const { html } = await fetchHtml(root.dataset.list);
  if (html === undefined) return;
  street.innerHTML = html;
  learnTime(street.firstElementChild);
  tickAges(root);
  const rows = [...street.querySelectorAll("[data-open]")];
  const ids = rows.map(({ dataset }) => dataset.open);
  const fresh = rows.filter(({ dataset }) => known && !known.has(dataset.open));
  if (fresh.length) {
    ring(fresh[0].dataset.tier);
    navigator.vibrate?.([300, 150, 300]);
  }
  known = new Set(ids);
  for (const id of cards.keys()) if (!known.has(id)) forget(id);
  for (const { dataset } of rows.slice(0, KEPT_CARDS)) if (cards.get(dataset.open)?.dataset.revision !== dataset.revision) await load(dataset.open);
  if (!front.firstElementChild) {
    const own = street.querySelector('[data-kind="own"] [data-open]') ?? fresh[0];
    if (own) open(own.dataset.open);
  }
}

// What was recorded is shown for a moment, then makes room for what waits.
let overSince = 0;

function moveOn() {
  const card = front.firstElementChild;
  const isDone = card && isOver(card.dataset.state) && !outbox().length;
  overSince = isDone ? overSince || Date.now() : 0;
  const waiting = street.querySelector("[data-open]");
  if (isDone && waiting && Date.now() - overSince > SHOWN_DONE) open(waiting.dataset.open);
}

async function load(id) {
  const { html, isBarred } = await fetchHtml(`/alerts/${id}/`);
  if (html !== undefined) keep(id, html);
  else if (isBarred) forget(id);
}

function keep(id, html) {
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const fresh = holder.firstElementChild;
  const card = cards.get(id);
  if (card) patch(card, fresh);
  else cards.set(id, fresh);
  offer(id);
  tickAges(root);
}

// What the server says, without taking away what a thumb is about to press.
function patch(card, fresh) {
  for (const name of Object.keys(card.dataset)) if (!(name in fresh.dataset)) delete card.dataset[name];
  Object.assign(card.dataset, fresh.dataset);
  for (const part of ["header p", ".street-state", ".revealed", ".done"]) card.querySelector(part).replaceWith(fresh.querySelector(part));
  const [shown, best] = [card, fresh].map((each) => each.querySelector(".pair img")?.getAttribute("src"));
  const [few, many] = [card, fresh].map((each) => each.querySelectorAll(".pictures img").length);
  if (shown !== best || few !== many) card.querySelector(".pictures")?.replaceWith(fresh.querySelector(".pictures") ?? "");
}

function forget(id) {
  // What was taken away by others is said; what this officer finished stays until they go on.
  const card = cards.get(id);
  cards.delete(id);
  if (card && isInFront(id) && !isOver(stateOf(id))) {
    front.replaceChildren();
    if (!refusedSign.firstElementChild) say("It is no longer with you: taken back, or handed to a colleague.");
  }
}

function isInFront(id) {
  return front.firstElementChild?.dataset.id === id;
}

async function open(id) {
  if (!cards.has(id)) await load(id);
  const card = cards.get(id);
  if (!card) return;
  front.replaceChildren(card);
  offer(id);
  tickAges(root);
  card.querySelector("h2").focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

street.addEventListener("click", ({ target }) => {
  const row = target.closest("[data-open]");
  if (row) open(row.dataset.open);
});

// Where an alert stands for this officer: what the server said, and what they did since and is not sent yet.

function stateOf(id) {
  const last = outbox().filter((act) => act.alert === id).at(-1);
  return last?.to ?? cards.get(id)?.dataset.state ?? front.firstElementChild?.dataset.state;
}

function isOver(state) {
  return !["referred", "acked", "engaged", "id_check", "same"].includes(state);
}

function offer(id) {
  const card = cards.get(id);
  if (!card) return;
  const state = stateOf(id);
  const last = outbox().filter((act) => act.alert === id).at(-1);
  for (const form of card.querySelectorAll("[data-act]")) form.hidden = "others" in card.dataset || !form.dataset.from.split(" ").includes(state);
  if (last) {
    card.querySelector(".state-now").textContent = `${last.label}: not sent yet`;
    card.querySelector(".state-since").dataset.since = last.at / 1000 + (serverNow() - Date.now() / 1000);
    if (last.name === "engage") card.dataset.engaged = card.querySelector(".state-since").dataset.since;
  }
}

// The outbox.

function outbox() {
  return JSON.parse(localStorage.getItem(OUTBOX) ?? "[]");
}

function setOutbox(acts) {
  localStorage.setItem(OUTBOX, JSON.stringify(acts));
  outboxSign.hidden = !acts.length;
  outboxSign.textContent = acts.length ? `Not sent yet: ${acts.map((act) => `${act.label} (${new Date(act.at).toLocaleTimeString("en-GB")})`).join(", ")}` : "";
}

front.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const data = new FormData(form);
  const leaflet = form.querySelector('[name="leaflet_given"]');
  const fields = { code: data.get("code") ?? "", ...(leaflet ? { leaflet: leaflet.checked ? "yes" : "no" } : {}) };
  const id = form.closest("[data-id]").dataset.id;
  refusedSign.replaceChildren();
  setOutbox([...outbox(), {
    key: crypto.randomUUID(), alert: id, name: form.dataset.act, label: form.dataset.label, to: form.dataset.to,
    url: form.getAttribute("action"), fields, at: Date.now(), ticks: performance.now(), page: PAGE,
  }]);
  offer(id);
  send();
});

// By this page's stopwatch; after a reload only by the clock, and then no more than it can be.
const PAGE = crypto.randomUUID();

function ago(act) {
  return Math.max(act.page === PAGE ? performance.now() - act.ticks : Date.now() - act.at, 0);
}

let sending = false;

async function send() {
  if (sending) return;
  sending = true;
  try {
    for (let act = outbox()[0]; act; act = outbox()[0]) if (!await sendOne(act)) break;
  } finally {
    sending = false;
  }
}

// Whether the next may follow.
async function sendOne(act) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...act.fields, key: act.key, ago_ms: Math.round(ago(act)) })) body.set(name, value);
  const { html, reason, isAway, isBarred } = await fetchHtml(act.url, { method: "POST", body, headers: { "X-CSRFToken": root.dataset.csrf } });
  if (isAway || isBarred) {
    // It is kept: who signs in again, or is posted again, has it sent then.
    if (reason) say(reason);
    if (isBarred) stuck(act);
    return false;
  }
  drop(act);
  if (reason) {
    say(`Not recorded: ${act.label}. ${reason}`);
    await load(act.alert);
  } else {
    keep(act.alert, html);
  }
  refreshSoon();
  return true;
}

function drop(act) {
  setOutbox(outbox().filter(({ key }) => key !== act.key));
}

function stuck(act) {
  const line = say(`Not recorded yet: ${act.label}. You may not answer this one now: load this page again, or ask the commander. `);
  const button = document.createElement("button");
  button.textContent = "Give it up";
  button.addEventListener("click", () => { drop(act); refusedSign.replaceChildren(); send(); });
  line.append(button);
}

function say(text) {
  const line = document.createElement("p");
  line.className = "error";
  line.textContent = text;
  refusedSign.replaceChildren(line);
  return line;
}

// How long somebody has been spoken to.

let remindedAt = 0;

function remind() {
  const card = front.firstElementChild;
  const state = card ? stateOf(card.dataset.id) : "";
  const isEngaged = card && ["engaged", "id_check"].includes(state) && card.dataset.engaged;
  const seconds = isEngaged ? serverNow() - Number(card.dataset.engaged) : 0;
  const times = Math.floor(seconds / Number(root.dataset.engagement));
  reminder.hidden = !times;
  if (!times) {
    remindedAt = 0;
    return;
  }
  reminder.textContent = `Spoken to for ${span(seconds)}. Is it still necessary? In doubt, release.`;
  if (times > remindedAt) {
    remindedAt = times;
    navigator.vibrate?.([200, 100, 200, 100, 400]);
    ring("amber");
  }
}

openLine(root.dataset.socket, {
  told(state) {
    lineSign.dataset.state = state === "on" ? "on" : "lost";
    lineSign.textContent = { on: "Connected", lost: "No connection", refused: "Signed out, or not posted here" }[state];
    if (state === "on") send();
  },
  hear({ kind }) {
    if (kind !== "beat") refreshSoon();
  },
});
soundButton(sound);
setInterval(() => { tickAges(root); remind(); moveOn(); }, 500);
setInterval(send, RETRY);
setInterval(refresh, LIST_EVERY);
addEventListener("online", send);
setOutbox(outbox());
learnTime(street.firstElementChild);
refresh();
