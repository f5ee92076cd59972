// The operator's console: events say {kind, id}; rows and cards are fetched, so who may see what is decided in one place.
const root = document.getElementById("console");
const [line, lost, sound, card, queue, announce, problem] = ["line", "lost", "sound", "card", "queue", "announce", "card-error"].map((id) => document.getElementById(id));
const title = document.title;
const QUEUE_EVERY = 20000;
const NEXT_AFTER = 1300;
const LOOK_FIRST = 1000;
const SILENCE = 9000;
const PATIENCE = 6000;

// The line.

let retry = 500;
let heardAt = Date.now();
let socket = null;
let ended = false;

function connect() {
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  const own = new WebSocket(scheme + location.host + root.dataset.socket);
  socket = own;
  heardAt = Date.now();
  own.addEventListener("message", ({ data }) => {
    heardAt = Date.now();
    if (own === socket) hear(JSON.parse(data));
  });
  own.addEventListener("close", ({ code }) => { if (own === socket) lose(code); });
}

function lose(code) {
  const gone = socket;
  socket = null;
  gone?.close();
  line.dataset.state = "lost";
  line.textContent = code === 4403 ? "Signed out, or not allowed" : "Line lost";
  lost.hidden = false;
  if (code === 4403) return;
  setTimeout(connect, retry);
  retry = Math.min(retry * 2, 5000);
}

// A line can be dead without anybody saying so: silence is what tells.
setInterval(() => { if (socket && Date.now() - heardAt > SILENCE) lose(); }, 1000);
addEventListener("offline", () => { if (socket) lose(); });

function holds() {
  line.dataset.state = ended ? "ended" : "on";
  line.textContent = ended ? "Deployment ended" : "Live";
  lost.hidden = true;
}

async function hear({ kind, id }) {
  if (kind === "hello") {
    retry = 500;
    holds();
    await refreshQueue();
  } else if (kind === "alert.raised") {
    await refreshQueue();
  } else if (kind === "alert.changed") {
    await refreshRow(id);
    if (shownId() === id && !sending) await show(id);
  } else if (kind === "deployment.ended") {
    ended = true;
    holds();
    await refreshQueue();
  }
}

// Fetching. An answer that was overtaken by a later one for the same place is dropped.

const latest = new Map();

async function fetchHtml(url, place, options = {}) {
  const ticket = Symbol();
  latest.set(place, ticket);
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch {
    return { reason: "The server did not answer. Look whether this was recorded before you try again." };
  }
  const text = await response.text();
  if (response.redirected) return { reason: "You are signed out. Sign in again." };
  if (!response.ok) {
    const page = new DOMParser().parseFromString(text, "text/html");
    return { reason: page.getElementById("reason")?.textContent ?? "The server could not do this. Try again." };
  }
  return latest.get(place) === ticket ? { html: text } : {};
}

// The queue.

let refreshing = null;
let again = false;

async function refreshQueue() {
  // Many events at once ask for one queue: one fetch under way, one more behind it.
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = fetchHtml(root.dataset.queueUrl, "queue");
  const { html } = await refreshing;
  refreshing = null;
  if (html !== undefined) {
    replaceQueue(html);
    settle();
  }
  if (again) {
    again = false;
    await refreshQueue();
  }
}

function replaceQueue(html) {
  // Rows that are as they were stay the nodes they are: their faces are never cached, and would all be fetched again.
  const fresh = document.createRange().createContextualFragment(html);
  for (const row of fresh.querySelectorAll("li[data-id]")) {
    const present = document.getElementById(row.id);
    if (present?.dataset.version === row.dataset.version) row.replaceWith(present);
  }
  queue.replaceChildren(fresh);
}

async function refreshRow(id) {
  const row = document.getElementById(`alert-${id}`);
  if (!row) return refreshQueue();
  const { html } = await fetchHtml(`/alerts/${id}/row/`, `row ${id}`);
  if (html !== undefined) {
    document.getElementById(`alert-${id}`)?.replaceWith(document.createRange().createContextualFragment(html));
    settle();
  }
}

let known = null;

function settle() {
  const open = [...queue.querySelectorAll("li[data-open]")].map((row) => row.dataset.id);
  const head = queue.querySelector(".queue-head strong");
  if (head && Number(head.textContent) <= queue.querySelectorAll("li").length) head.textContent = open.length;
  document.title = open.length ? `(${open.length}) ${title}` : title;
  // However it came, by event, after a lost line or by the clock: what is new is heard.
  if (known && open.some((id) => !known.has(id))) {
    ring();
    announce.textContent = `New in the queue: ${open.length} waiting for you`;
  }
  known = new Set([...(known ?? []), ...open]);
  // What somebody is still to judge is never taken away; a card that is done makes room.
  if (!card.querySelector("[data-decidable]") && !leaving) next();
  mark();
}

function mark() {
  for (const row of queue.querySelectorAll(".alert-row")) row.setAttribute("aria-current", String(row.parentElement.dataset.id === shownId()));
}

// The card.

function shownId() {
  return card.querySelector(".alert-card")?.dataset.id ?? null;
}

async function show(id, { unasked = false } = {}) {
  const { html, reason } = await fetchHtml(`/alerts/${id}/`, "card");
  if (html !== undefined) {
    // What was chosen on this alert stays chosen when it is fetched again.
    const chosen = shownId() === id ? card.querySelector("select")?.value : "";
    card.innerHTML = html;
    const choice = card.querySelector("select");
    if (choice && chosen) choice.value = chosen;
    if (unasked) holdStill();
    mark();
  } else if (reason) {
    complain(reason);
  }
}

function holdStill() {
  // A key or click meant for the face before must not decide on the one that has just come up by itself.
  const buttons = [...card.querySelectorAll("form button:not(:disabled)")];
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

// Deciding.

let sending = false;
let leaving = null;

card.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending) return;
  sending = true;
  complain("");
  const form = event.target;
  const id = shownId();
  const body = new FormData(form, event.submitter);
  const { html, reason } = await fetchHtml(form.action, "card", {
    method: "POST",
    body,
    headers: { "X-CSRFToken": root.dataset.csrf },
  });
  sending = false;
  if (html !== undefined) {
    card.innerHTML = html;
    card.querySelector("h2")?.focus();
    mark();
  } else if (reason) {
    // Somebody may have been first: why this was not done, and how it stands now.
    complain(reason);
    await show(id);
  }
  leaving = setTimeout(() => {
    leaving = null;
    if (!card.querySelector("[data-decidable]") && shownId() === id) next();
  }, reason ? NEXT_AFTER * 4 : NEXT_AFTER);
});

function next() {
  // The oldest waits longest; what somebody was unsure of waits for a second look, after all the others.
  const rows = [...queue.querySelectorAll("li[data-open]")].reverse();
  const row = rows.find(({ dataset }) => dataset.state !== "unsure") ?? rows[0];
  if (row && row.dataset.id !== shownId()) show(row.dataset.id, { unasked: true });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "m") return void sound.click();
  if (key === "arrowdown" || key === "arrowup") {
    event.preventDefault();
    return step(key === "arrowdown" ? 1 : -1);
  }
  if (event.repeat) return;
  card.querySelector(`button[data-key="${CSS.escape(key)}"]:not(:disabled)`)?.click();
});

function step(by) {
  const rows = [...queue.querySelectorAll("li[data-id]")];
  const at = rows.findIndex((row) => row.dataset.id === shownId());
  const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (!row) return;
  row.scrollIntoView({ block: "nearest" });
  show(row.dataset.id);
}

// Sound.

let audio = null;
let soundOn = false;

function ring() {
  if (!soundOn) return;
  for (const [delay, pitch] of [[0, 880], [0.18, 1175]]) {
    const tone = audio.createOscillator(), gain = audio.createGain();
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.25, audio.currentTime + delay);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + delay + 0.3);
    tone.connect(gain).connect(audio.destination);
    tone.start(audio.currentTime + delay);
    tone.stop(audio.currentTime + delay + 0.32);
  }
}

async function setSound(on) {
  audio ??= new AudioContext();
  await audio.resume();
  soundOn = on;
  sound.dataset.state = on ? "on" : "off";
  sound.setAttribute("aria-pressed", String(on));
  sound.textContent = on ? "Sound is on" : "Sound is off";
  localStorage.setItem("console-sound", on ? "on" : "off");
}

sound.addEventListener("click", async () => {
  await setSound(!soundOn);
  ring();
});

// Browsers allow sound only after a first click or key: whoever had it on last time gets it back with that.
if (localStorage.getItem("console-sound") === "on") {
  const restore = (event) => { if (!soundOn && event.target !== sound && event.key !== "m") setSound(true); };
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, restore, { once: true });
}

// Should an event ever be lost, the queue is right again within this time.
setInterval(() => { if (socket) refreshQueue(); }, QUEUE_EVERY);
connect();
settle();
