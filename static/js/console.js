// The operator's console: events say {kind, id}; rows and cards are fetched, so who may see what is decided in one place.
const root = document.getElementById("console");
const [line, lost, sound, card, queue, announce] = ["line", "lost", "sound", "card", "queue", "announce"].map((id) => document.getElementById(id));
const title = document.title;
let audio = null, soundOn = false, retry = 500;

// The line.

function connect() {
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  const socket = new WebSocket(scheme + location.host + root.dataset.socket);
  socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
  socket.addEventListener("close", ({ code }) => {
    line.dataset.state = "lost";
    line.textContent = code === 4403 ? "Not allowed" : "Line lost";
    lost.hidden = false;
    if (code === 4403) return;
    setTimeout(connect, retry);
    retry = Math.min(retry * 2, 5000);
  });
}

async function hear({ kind, id }) {
  if (kind === "hello") {
    retry = 500;
    line.dataset.state = "on";
    line.textContent = "Live";
    lost.hidden = true;
    await refreshQueue();
  } else if (kind === "alert.raised") {
    await refreshQueue();
    ring();
    announce.textContent = "New possible match";
  } else if (kind === "alert.changed") {
    await refreshRow(id);
    if (shownId() === id) load(id);
  } else if (kind === "deployment.ended") {
    line.textContent = "Deployment ended";
    await refreshQueue();
  }
}

// The queue.

let refreshing = null, again = false;
async function refreshQueue() {
  // Many events at once ask for one queue: one fetch under way, one more behind it.
  if (refreshing) { again = true; return refreshing; }
  refreshing = htmx.ajax("GET", root.dataset.queueUrl, { target: "#queue", swap: "innerHTML" });
  await refreshing;
  refreshing = null;
  if (again) { again = false; return refreshQueue(); }
  settle();
}

async function refreshRow(id) {
  const row = document.getElementById(`alert-${id}`);
  if (!row) return refreshQueue();
  await htmx.ajax("GET", `/alerts/${id}/row/`, { target: `#alert-${id}`, swap: "outerHTML" });
  settle();
}

function settle() {
  const open = queue.querySelectorAll("li[data-open]");
  const head = queue.querySelector(".queue-head strong");
  if (head) head.textContent = open.length;
  document.title = open.length ? `(${open.length}) ${title}` : title;
  const shown = card.querySelector(".alert-card");
  // The oldest waits longest; what the operator is looking at is never taken away.
  if ((!shown || !shown.hasAttribute("data-decidable")) && open.length && !justDecided()) load(open[open.length - 1].dataset.id);
  mark();
}

function mark() {
  for (const row of queue.querySelectorAll(".alert-row")) row.setAttribute("aria-current", String(row.parentElement.dataset.id === shownId()));
}

function shownId() {
  return card.querySelector(".alert-card")?.dataset.id ?? null;
}

function load(id) {
  return htmx.ajax("GET", `/alerts/${id}/`, { target: "#card", swap: "innerHTML" });
}

// Deciding.

let decidedAt = 0;
const justDecided = () => Date.now() - decidedAt < 1200;

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.requestConfig.verb !== "post") return;
  if (detail.successful) {
    decidedAt = Date.now();
    setTimeout(settle, 1300);
  } else {
    const parsed = new DOMParser().parseFromString(detail.xhr.responseText, "text/html");
    complain(parsed.getElementById("reason")?.textContent ?? "This was not done: the server did not answer. Try again.");
  }
});
document.addEventListener("htmx:sendError", () => complain("The server did not answer. Nothing was decided. Try again."));
document.addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "card") mark(); });

async function complain(text) {
  const id = shownId();
  if (id) await load(id);
  const box = document.getElementById("card-error");
  if (!box) return;
  box.textContent = text;
  box.hidden = false;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
  const key = event.key.toLowerCase();
  if (key === "m") return void sound.click();
  if (key === "arrowdown" || key === "arrowup") {
    event.preventDefault();
    return step(key === "arrowdown" ? 1 : -1);
  }
  const button = card.querySelector(`button[data-key="${CSS.escape(key)}"]:not(:disabled)`);
  if (button && !event.repeat) button.click();
});

function step(by) {
  const rows = [...queue.querySelectorAll("li[data-id]")];
  const at = rows.findIndex((row) => row.dataset.id === shownId());
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (!next) return;
  next.scrollIntoView({ block: "nearest" });
  load(next.dataset.id);
}

// Sound.

function ring() {
  if (!soundOn) return;
  [[0, 880], [0.18, 1175]].forEach(([delay, pitch]) => {
    const tone = audio.createOscillator(), gain = audio.createGain();
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.25, audio.currentTime + delay);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + delay + 0.3);
    tone.connect(gain).connect(audio.destination);
    tone.start(audio.currentTime + delay);
    tone.stop(audio.currentTime + delay + 0.32);
  });
}

function setSound(on) {
  soundOn = on;
  sound.dataset.state = on ? "on" : "off";
  sound.setAttribute("aria-pressed", String(on));
  sound.textContent = on ? "Sound is on" : "Sound is off";
  localStorage.setItem("console-sound", on ? "on" : "off");
}

sound.addEventListener("click", async () => {
  audio ??= new AudioContext();
  await audio.resume();
  setSound(!soundOn);
  ring();
});

// Browsers allow sound only after the first key or click; whoever had it on last time gets it back with that.
addEventListener("pointerdown", async ({ target }) => {
  if (target === sound || soundOn || localStorage.getItem("console-sound") === "off") return;
  audio ??= new AudioContext();
  await audio.resume();
  setSound(true);
}, { once: true });

// Should an event ever be lost, the queue is right again within this time.
setInterval(() => { if (line.dataset.state === "on") refreshQueue(); }, 20000);
connect();
settle();
