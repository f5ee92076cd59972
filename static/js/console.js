// The operator's console: events say {kind, id}; rows and cards are fetched, so who may see what is decided in one place.
import { compare, step as stepPictures, use as useTool } from "./compare.js";
import { learnTime, openLine, serverNow, tickAges } from "./line.js";
import { ring, soundButton } from "./sound.js";

const root = document.getElementById("console");
const [lineSign, lost, sound, notify, keys, card, queue, announce, problem, undoBar, measured] =
  ["line", "lost", "sound", "notify", "keys", "card", "queue", "announce", "card-error", "undo-bar", "measured"].map((id) => document.getElementById(id));
const base = root.dataset.base;
const decides = "decides" in root.dataset;
const title = document.title;
const QUEUE_EVERY = 20000, MEASURED_EVERY = 5000;
const NEXT_AFTER = 1300, LOOK_FIRST = 1000, PATIENCE = 6000;
// Rows that one fetch may name; with more, the whole queue is fetched.
const MOST_ROWS = 100, LONGEST_PART = 200;
// How long a colleague who has taken an alert up is left alone with it.
const LEFT_ALONE = 30;

// The line.

let ended = false;

const line = openLine(root.dataset.socket, {
  told(state) {
    const words = { on: ended ? "Deployment ended" : "Live", lost: "Line lost", refused: "Signed out, or not allowed" };
    lineSign.dataset.state = state === "on" && ended ? "ended" : state === "refused" ? "lost" : state;
    lineSign.textContent = words[state];
    lost.hidden = state === "on";
  },
  hear({ kind, id }) {
    if (kind === "hello") refreshQueue();
    else if (kind === "alert.raised") wanted(id);
    else if (kind === "alert.changed") changed(id);
    else if (kind === "alert.sighted" && shownId() === id) freshPictures(id);
    else if (kind === "deployment.ended") {
      ended = true;
      lineSign.dataset.state = "ended";
      lineSign.textContent = "Deployment ended";
      refreshQueue();
    }
  },
});

// Fetching. An answer that was overtaken by a later one for the same place is dropped.

const latest = new Map();

async function fetchHtml(url, place, options = {}) {
  const ticket = Symbol();
  latest.set(place, ticket);
  let response, text;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options });
    // A line may break in the middle of an answer as well.
    text = await response.text();
  } catch {
    return { reason: "The server did not answer. Try again: what you pressed is recorded once at most." };
  }
  if (response.redirected) return { reason: "You are signed out. Sign in again." };
  if (!response.ok) {
    const page = new DOMParser().parseFromString(text, "text/html");
    return { reason: page.getElementById("reason")?.textContent ?? "The server could not do this. Try again.", status: response.status };
  }
  return latest.get(place) === ticket ? { html: text } : { isLate: true };
}

function post(url, body, place) {
  return fetchHtml(url, place, { method: "POST", body, headers: { "X-CSRFToken": root.dataset.csrf } });
}

function fragment(html) {
  return document.createRange().createContextualFragment(html);
}

// The queue. However many events come, one fetch is under way, and one more behind it.

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
  const { html } = await fetchHtml(whole ? `${base}queue/` : `${base}rows/?ids=${ids.join(",")}`, "queue");
  fetching = false;
  if (html === undefined) {
    // Not lost: with the next event, or by the clock, everything is asked for.
    everything = true;
    return;
  }
  const fresh = fragment(html);
  learnTime(fresh.firstElementChild);
  if (whole) queue.replaceChildren(fresh);
  else fresh.querySelectorAll("li[data-id]").forEach(putRow);
  if (!whole) for (const count of fresh.querySelectorAll("[data-count]")) setCount(count.dataset.count, count.textContent);
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
  // However it came, by event, after a lost line or by the clock: what is new is heard.
  const fresh = known ? waiting.filter(({ dataset }) => !known.has(dataset.id)) : [];
  if (fresh.length) tell(fresh, count);
  known = new Set([...(known ?? []), ...waiting.map(({ dataset }) => dataset.id)]);
  const alarms = [...queue.querySelectorAll("li[data-alarm]")].map(({ dataset }) => dataset.id);
  if (alarms.some((id) => !alarmed.has(id))) {
    ring("red");
    announce.textContent = "Nobody has answered a possible match that was handed over";
  }
  alarmed = new Set(alarms);
  // What somebody is still to judge is never taken away; a card that is done makes room.
  if (decides && !card.querySelector("[data-decidable]") && !leaving && !showing && !sending) next();
  mark();
}

function tell(fresh, count) {
  const tiers = fresh.map(({ dataset }) => dataset.tier);
  const tier = ["red", "amber", "green"].find((each) => tiers.includes(each));
  ring(tier);
  announce.textContent = `New in the queue: ${count} waiting`;
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    new Notification("Possible match", { body: `${tier ?? "New"}: ${count} waiting to be compared.`, tag: "lfr" });
  }
}

function mark() {
  for (const row of queue.querySelectorAll(".alert-row")) row.setAttribute("aria-current", String(row.parentElement.dataset.id === shownId()));
}

// The card.

function shownId() {
  return card.querySelector(".alert-card")?.dataset.id ?? null;
}

function put(html) {
  card.innerHTML = html;
  const undo = card.querySelector(".undo");
  if (undo) undoBar.replaceChildren(undo);
  compare(card);
  tickAges(root);
  mark();
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
  if (decides && row?.dataset.state === "raised") answer = await post(`/alerts/${id}/acts/open/`, new FormData(), "card");
  // Somebody else may have taken it up at the same moment: it is looked at all the same.
  if (answer === null || answer.status === 409) answer = await fetchHtml(`/alerts/${id}/`, "card");
  if (answer.html !== undefined) {
    complain("");
    put(answer.html);
    if (unasked) holdStill();
  } else if (answer.reason) {
    complain(answer.reason);
  }
}

async function changed(id) {
  wanted(id);
  if (shownId() !== id || sending) return;
  const { html } = await fetchHtml(`/alerts/${id}/`, "card");
  if (html === undefined || shownId() !== id) return;
  const fresh = fragment(html);
  const judging = card.querySelector("[data-decidable]") && fresh.querySelector("[data-decidable]");
  if (!judging) {
    if (card.querySelector("[data-decidable]")) complain("A colleague has judged this one.");
    return put(html);
  }
  // Still to be judged: what was marked stays, and the judgement is on how it stands now.
  card.querySelector('.judge [name="revision"]').value = fresh.querySelector('.judge [name="revision"]').value;
}

async function freshPictures(id) {
  const { html } = await fetchHtml(`/alerts/${id}/`, "pictures");
  if (html === undefined || shownId() !== id) return;
  const tools = fragment(html).querySelector(".tools");
  if (!tools) return;
  // The face that is being compared stays; a better sight lies beside it, one key away.
  const shown = card.querySelector(".probe img")?.getAttribute("src");
  for (const sight of tools.querySelectorAll("[data-shot]")) sight.setAttribute("aria-pressed", String(sight.dataset.shot === shown));
  card.querySelector(".tools")?.replaceWith(tools);
}

function holdStill() {
  // A key or click meant for the face before must not decide on the one that has just come up by itself.
  const buttons = [...card.querySelectorAll(".decisions button:not(:disabled)")];
  for (const button of buttons) button.disabled = true;
  setTimeout(() => { for (const button of buttons) button.disabled = false; }, LOOK_FIRST);
}

function complain(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

queue.addEventListener("click", ({ target }) => {
  const row = target.closest("li[data-id]");
  if (row) show(row.dataset.id);
});

card.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if (button.dataset.finding) find(button);
  else if (button.dataset.open) show(button.dataset.open);
  else if (button.closest(".tools")) useTool(card, button);
});

// What a judgement rests on.

function find(button) {
  const isMarked = button.getAttribute("aria-pressed") === "true";
  setFinding(button.closest(".feature"), isMarked ? "" : button.dataset.finding);
}

function setFinding(feature, finding) {
  feature.querySelector("input").value = finding;
  for (const each of feature.querySelectorAll("[data-finding]")) each.setAttribute("aria-pressed", String(each.dataset.finding === finding));
}

function cycle(number) {
  const feature = card.querySelectorAll(".feature")[number - 1];
  if (feature) setFinding(feature, { "": "alike", alike: "differs", differs: "" }[feature.querySelector("input").value]);
}

// Deciding.

let sending = false;
let leaving = null;
// The key of each act that was begun: pressed again after a lost answer, it is the same act.
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
  const { html, reason, status } = await post(url, body, "card");
  sending = false;
  if (reason === undefined) acts.delete(name);
  if (html !== undefined) {
    if (form.matches(".undo")) undoBar.replaceChildren();
    put(html);
    card.querySelector("h2")?.focus();
  } else if (reason) {
    complain(reason);
    // What is missing can be said; but somebody may have been first: then how it stands now.
    if (status === 409) {
      const answer = await fetchHtml(`/alerts/${id}/`, "card");
      if (answer.html !== undefined) put(answer.html);
    }
  }
  wanted(id);
  if (!card.querySelector("[data-decidable]")) leave(id, reason ? NEXT_AFTER * 4 : NEXT_AFTER);
}

function leave(id, after) {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    leaving = null;
    if (!card.querySelector("[data-decidable]") && shownId() === id) next();
  }, after);
}

card.addEventListener("submit", submit);
undoBar.addEventListener("submit", submit);

function next() {
  // Red before amber before green, then the oldest; then what colleagues have held for long; last what nobody could say.
  const rows = [...queue.querySelectorAll('[data-rows="waiting"] > li')];
  const row = rows.find((each) => each.dataset.state === "raised" || (each.dataset.state === "review" && isLeft(each)))
    ?? rows.find(({ dataset }) => dataset.state === "unsure" && !("own" in dataset));
  if (row && row.dataset.id !== shownId()) show(row.dataset.id, { unasked: true });
}

function isLeft(row) {
  return "own" in row.dataset || serverNow() - Number(row.dataset.opened) > LEFT_ALONE;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "m") return void sound.click();
  if (key === "?") return void keys.click();
  if (key === "arrowdown" || key === "arrowup") {
    event.preventDefault();
    return step(key === "arrowdown" ? 1 : -1);
  }
  if (event.repeat) return;
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
  show(row.dataset.id);
}

// Sound, notices, keys.

soundButton(sound);
if ("Notification" in window && Notification.permission === "default") {
  notify.hidden = false;
  notify.addEventListener("click", async () => {
    await Notification.requestPermission();
    notify.hidden = Notification.permission !== "default";
  });
}
keys.addEventListener("click", () => {
  const help = document.getElementById("keys-help");
  help.hidden = !help.hidden;
  keys.setAttribute("aria-expanded", String(!help.hidden));
});

// Clocks.

setInterval(() => {
  tickAges(root);
  const undo = undoBar.querySelector(".undo");
  if (!undo) return;
  const left = Math.ceil(Number(undo.dataset.until) - serverNow());
  undo.querySelector(".undo-left").textContent = Math.max(left, 0);
  if (left > 0) return;
  undoBar.replaceChildren();
  // Now it stands: name and score are shown, if it is still in front.
  const id = undo.getAttribute("action").split("/")[2];
  if (shownId() === id) show(id);
}, 250);
// Should an event ever be lost, the queue is right again within this time.
setInterval(() => { if (line.isOpen()) refreshQueue(); }, QUEUE_EVERY);
setInterval(async () => {
  if (document.hidden) return;
  const { html } = await fetchHtml(`${base}measured/`, "measured");
  if (html !== undefined) measured.innerHTML = html;
}, MEASURED_EVERY);
learnTime(queue.firstElementChild);
settle();
