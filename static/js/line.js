// A live line: events in, loss and silence noticed, taken up again by itself.
const SILENCE = 9000;
const FIRST_RETRY = 500;
const SLOWEST_RETRY = 5000;

// hear({kind, id}): an event; "hello" comes first, and whoever hears it fetches what happened before.
// told(state): "on", "lost" or "refused".
export function openLine(path, { hear, told }) {
  let retry = FIRST_RETRY;
  let heardAt = Date.now();
  let socket = null;

  function connect() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const own = new WebSocket(scheme + location.host + path);
    socket = own;
    heardAt = Date.now();
    own.addEventListener("message", ({ data }) => {
      heardAt = Date.now();
      if (own !== socket) return;
      const event = JSON.parse(data);
      if (event.kind === "hello") {
        retry = FIRST_RETRY;
        told("on");
      }
      hear(event);
    });
    own.addEventListener("close", ({ code }) => { if (own === socket) lose(code); });
  }

  function lose(code) {
    const gone = socket;
    socket = null;
    gone?.close();
    told(code === 4403 ? "refused" : "lost");
    if (code === 4403) return;
    setTimeout(connect, retry);
    retry = Math.min(retry * 2, SLOWEST_RETRY);
  }

  // A line can be dead without anybody saying so: silence is what tells.
  setInterval(() => { if (socket && Date.now() - heardAt > SILENCE) lose(); }, 1000);
  addEventListener("offline", () => { if (socket) lose(); });
  connect();
  return { isOpen: () => socket !== null };
}

// Ages are counted by the server's clock, which this device need not share.
let ahead = 0;

export function learnTime(element) {
  const now = Number(element?.dataset.now);
  if (now) ahead = now - Date.now() / 1000;
}

export function serverNow() {
  return Date.now() / 1000 + ahead;
}

export function span(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Every element with data-since shows how long that is; past data-alarm-after it is marked.
export function tickAges(root) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const seconds = serverNow() - Number(element.dataset.since);
    element.textContent = span(seconds);
    if (element.dataset.alarmAfter) element.toggleAttribute("data-late", seconds > Number(element.dataset.alarmAfter));
  }
}
