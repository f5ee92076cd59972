// The officer's handset. Faces are kept only in this page's memory. Unsent acts (ids and codes) outlive the page.
import { fetchPiece, postPiece } from "./fetching.js";
import { keepingFocus } from "./focus.js";
import { Outbox } from "./outbox.js";
import { EVENT, STREET } from "./protocol.js";
import { openEvents } from "./socket.js";
import { ring, soundButton } from "./sound.js";
import { ask, hasMoved, learnTime, serverNow, since, span, tickAges } from "./time.js";

const root = document.getElementById("handset");
const [lineSign, sound, outboxSign, refusedSign, reminder, front, street] = [
  "line",
  "sound",
  "outbox",
  "refused",
  "reminder",
  "front",
  "street",
].map((id) => document.getElementById(id));
// One outbox for each officer, because handsets are shared.
const outbox = new Outbox(`handset-outbox-${root.dataset.user}`, outboxSign);
const RETRY = 4000,
  LIST_EVERY = 15000,
  GENTLE = 700,
  SHOWN_DONE = 6000,
  KEPT_CARDS = 6;
// How long nothing can be pressed after a button has moved to where another was (ms).
const STILL = 700;

// A thumb on its way to one button must not press another that has taken its place.

let stillAgain = null;

function steadily(change) {
  const stood = standing();
  change();
  if (standing() === stood) return;
  clearTimeout(stillAgain);
  front.dataset.moving = "";
  stillAgain = setTimeout(() => {
    delete front.dataset.moving;
  }, STILL);
}

function standing() {
  const offered = [...front.querySelectorAll(".street-acts form:not([hidden])")];
  return offered.map((form) => `${form.getAttribute("action")} ${Math.round(form.getBoundingClientRect().top)}`).join();
}

// The list and its cards are fetched while there is a connection, so that they are available without one.

const cards = new Map();
// For each row that was shown, whether it had been escalated because no officer responded.
let known = null;
let waiting = null;
let isFetching = false,
  isWantedAgain = false;

function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh();
  }, GENTLE);
}

// One fetch at a time, so that none overtakes another.
async function refresh() {
  isWantedAgain = isFetching;
  if (isFetching) return;
  isFetching = true;
  const { html, ...trip } = await fetchPiece(root.dataset.list, "list");
  isFetching = false;
  if (html !== undefined) showList(html, trip);
  if (isWantedAgain) refresh();
}

// Browsers refuse to vibrate, and complain, before the page was touched for the first time.
function vibrate(pattern) {
  if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(pattern);
}

function showList(html, trip) {
  keepingFocus(street, "open", () => {
    street.innerHTML = html;
  });
  learnTime(street.firstElementChild, trip);
  tickAges(root);
  const rows = [...street.querySelectorAll("[data-open]")];
  const fresh = rows.filter(
    ({ dataset }) => known && (!known.has(dataset.open) || ("escalated" in dataset && !known.get(dataset.open))),
  );
  if (fresh.length) {
    ring(fresh[0].dataset.tier);
    vibrate([300, 150, 300]);
  }
  known = new Map(rows.map(({ dataset }) => [dataset.open, "escalated" in dataset]));
  for (const id of cards.keys()) if (!known.has(id)) forget(id);
  loadAll(rows.slice(0, KEPT_CARDS));
  if (front.firstElementChild || asked) return;
  const own = street.querySelector('[data-kind="own"] [data-open]') ?? fresh[0];
  if (own) open(own.dataset.open);
}

async function loadAll(rows) {
  for (const { dataset } of rows)
    if (cards.get(dataset.open)?.dataset.version !== dataset.version) await load(dataset.open);
}

const loading = new Map();

// Share one fetch of a card among all that request it.
function load(id) {
  if (!loading.has(id))
    loading.set(
      id,
      fetchCard(id).finally(() => loading.delete(id)),
    );
  return loading.get(id);
}

// A finished card is shown for a moment and then replaced, so that no face stays on screen longer than necessary.
let overSince = 0;

function moveOn() {
  const card = front.firstElementChild;
  const id = card?.dataset.id;
  const isDone = card && (!cards.has(id) || (isOver(card.dataset.state) && !outbox.lastOf(id)));
  overSince = isDone ? overSince || performance.now() : 0;
  if (!isDone || asked || performance.now() - overSince < SHOWN_DONE) return;
  overSince = 0;
  front.replaceChildren();
  const next = [...street.querySelectorAll("[data-open]")].find(({ dataset }) => dataset.open !== id);
  if (next) open(next.dataset.open);
}

async function fetchCard(id) {
  const { html, status } = await fetchPiece(`/alerts/${id}/`, id);
  if (html !== undefined) keep(id, html);
  else if (isBarred(status)) forget(id);
}

function keep(id, html) {
  // Not a template: the pictures must load now, while there is a connection.
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const fresh = holder.firstElementChild,
    card = cards.get(id);
  if (Number(fresh.dataset.revision) < Number(card?.dataset.revision)) return;
  steadily(() => {
    // Once the alert is purged, nothing of the earlier card stays.
    if (card?.querySelector(".pictures") && fresh.querySelector(".pictures")) patch(card, fresh);
    else replace(id, card, fresh);
    offer(id);
    tickAges(root);
  });
}

function replace(id, card, fresh) {
  cards.set(id, fresh);
  if (card && front.contains(card)) front.replaceChildren(fresh);
}

// Update a card without replacing the buttons that a thumb may be about to press.
function patch(card, fresh) {
  for (const name of Object.keys(card.dataset)) if (!(name in fresh.dataset)) delete card.dataset[name];
  Object.assign(card.dataset, fresh.dataset);
  for (const part of ["header p", ".revealed", ".reasons", ".street-state", ".done"])
    card.querySelector(part).replaceWith(fresh.querySelector(part));
  const [shown, best] = [card, fresh].map((each) => each.querySelector(".pair img")?.getAttribute("src"));
  const [few, many] = [card, fresh].map((each) => each.querySelectorAll(".pictures img").length);
  if (shown !== best || few !== many) card.querySelector(".pictures").replaceWith(fresh.querySelector(".pictures"));
}

function forget(id) {
  // Say so if others took the alert away. A card that this officer finished stays for a moment.
  const card = cards.get(id);
  const isOpen = card && isInFront(id) && !isOver(stateOf(id));
  cards.delete(id);
  reminded.delete(id);
  if (!isOpen) return;
  front.replaceChildren();
  if (!refusedSign.firstElementChild)
    say(
      "This possible match is no longer with you. A colleague is responding, or the operator undid the decision or referred it to someone else.",
    );
}

function isInFront(id) {
  return front.firstElementChild?.dataset.id === id;
}

// The card that was requested last, until it is loaded.
let asked = null;

async function open(id) {
  asked = id;
  if (!cards.has(id)) await load(id);
  if (asked !== id) return;
  asked = null;
  const card = cards.get(id);
  if (!card) return void say("The possible match could not be loaded. Try again.");
  steadily(() => {
    front.replaceChildren(card);
    offer(id);
    tickAges(root);
    card.querySelector("h2").focus({ preventScroll: true });
    scrollTo({ top: 0 });
  });
}

street.addEventListener("click", ({ target }) => {
  const row = target.closest("[data-open]");
  if (!row) return;
  steadily(hush);
  open(row.dataset.open);
});

// The state of an alert for this officer: the server's, or that of the last act that is not sent yet.

function stateOf(id) {
  return outbox.lastOf(id)?.to ?? cards.get(id)?.dataset.state;
}

function isOver(state) {
  return !STREET.has(state);
}

function offer(id) {
  const card = cards.get(id);
  if (!card) return;
  const state = stateOf(id);
  const last = outbox.lastOf(id);
  for (const form of card.querySelectorAll("[data-act]"))
    form.hidden = "others" in card.dataset || !form.dataset.from.split(" ").includes(state);
  if (last) {
    card.querySelector(".state-now").textContent = `${last.label}: not sent yet`;
    card.querySelector(".state-since").dataset.since = last.at / 1000;
    if (last.name === "engage") card.dataset.engaged = card.querySelector(".state-since").dataset.since;
  }
}

// The outbox.

front.addEventListener("submit", (event) => {
  event.preventDefault();
  if ("moving" in front.dataset) return;
  const form = event.target;
  const data = new FormData(form);
  const leaflet = form.querySelector('[name="leaflet_given"]');
  const fields = { code: data.get("code") ?? "", ...(leaflet ? { leaflet: leaflet.checked ? "yes" : "no" } : {}) };
  const card = form.closest("[data-id]"),
    { id } = card.dataset;
  steadily(() => {
    hush();
    const { act: name, label, to } = form.dataset;
    outbox.add({ alert: id, name, label, to, url: form.getAttribute("action"), fields });
    offer(id);
    // The button that was pressed is gone, so the card takes the focus.
    card.querySelector("h2").focus({ preventScroll: true });
  });
  send();
});

// The time since an act is measured by the server's time, so that must be known.
function send() {
  return outbox.send(sendOne, async () => !hasMoved() || (await ask(root.dataset.time)));
}

function isBarred(status) {
  // 409 and 422 are answers: somebody acted first, or the input was refused. Other errors may be about the user.
  return status !== undefined && status >= 400 && status < 500 && ![409, 422, 429].includes(status);
}

async function sendOne(act) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...act.fields, key: act.key, ago_ms: Math.round(since(act)) }))
    body.set(name, value);
  const { html, reason, status, isAway, isSignedOut } = await postPiece(act.url, body, root.dataset.csrf, act.key);
  if (isSignedOut) say(reason);
  if (isAway) return "away";
  if (isBarred(status)) {
    // It is kept, and sent once the user has signed in or been posted again.
    stuck(act);
    return "barred";
  }
  drop(act);
  // There is no card if the alert was referred to others in the meantime. The act is recorded all the same.
  if (html) keep(act.alert, html);
  if (html === undefined) say(`Not recorded: ${act.label}. ${reason}`);
  refreshSoon();
  return "done";
}

function drop(act) {
  outbox.drop(act);
  // The card shows this act as not sent, so it must be fetched again.
  if (cards.has(act.alert)) cards.get(act.alert).dataset.version = "";
}

function stuck(act) {
  if (refusedSign.querySelector(`[data-key="${act.key}"]`)) return;
  const button = document.createElement("button");
  button.textContent = "Discard record";
  const line = say(
    `Not recorded yet: ${act.label}. You do not have permission to respond to this possible match now. Reload the page, or ask the commander. `,
    button,
  );
  line.dataset.key = act.key;
  button.addEventListener("click", () => {
    steadily(() => line.remove());
    drop(act);
    refreshSoon();
    send();
  });
}

// One line for the latest message. Messages that wait for the officer's decision stay beside it.
function say(text, ...more) {
  const line = document.createElement("p");
  line.className = "error";
  line.append(text, ...more);
  steadily(() => {
    hush();
    refusedSign.append(line);
    line.scrollIntoView({ block: "nearest" });
  });
  return line;
}

function hush() {
  for (const line of refusedSign.querySelectorAll("p:not([data-key])")) line.remove();
}

// Reminders during an engagement.

const reminded = new Map();

function remind() {
  const every = Number(root.dataset.engagement);
  const reminders = [];
  for (const [id, card] of cards) {
    const isSpokenTo = STREET.has(stateOf(id)) && card.dataset.engaged && !("others" in card.dataset);
    const times = isSpokenTo ? Math.max(Math.floor((serverNow() - Number(card.dataset.engaged)) / every), 0) : 0;
    if (times)
      reminders.push(
        `${card.dataset.camera}: you have been speaking to the person for more than ${span(times * every)}. Is it still necessary? If in doubt, release them.`,
      );
    if (times > (reminded.get(id) ?? 0)) {
      vibrate([200, 100, 200, 100, 400]);
      ring("amber");
    }
    reminded.set(id, times);
  }
  const text = reminders.join(" ");
  // Set only when it changes, so that a screen reader does not repeat it every second.
  if (reminder.textContent !== text)
    steadily(() => {
      reminder.textContent = text;
      reminder.hidden = !text;
    });
}

openEvents(root.dataset.socket, {
  told(state) {
    lineSign.dataset.state = state === "on" ? "on" : "lost";
    lineSign.textContent = { on: "Connected", lost: "No connection", refused: "Signed out, or not posted here" }[state];
    if (state === "on") send();
    // Users who may no longer see the deployment must not keep seeing its faces.
    if (state !== "refused") return;
    cards.clear();
    for (const place of [front, street]) place.replaceChildren();
  },
  hear({ kind }) {
    if (kind !== EVENT.BEAT) refreshSoon();
  },
});
soundButton(sound);
setInterval(() => {
  tickAges(root);
  remind();
  moveOn();
}, 500);
setInterval(send, RETRY);
setInterval(refresh, LIST_EVERY);
addEventListener("online", send);
// A handset that slept has missed events, and its stopwatch stood still.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
outbox.show();
learnTime(street.firstElementChild);
refresh();
