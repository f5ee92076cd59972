// A connection for live events. It notices when it is lost or silent, and reconnects by itself.
import { mark, most } from "./time.js";

const SILENCE = 9000;
const FIRST_RETRY = 500;
const SLOWEST_RETRY = 5000;

// hear({kind, id}): called for each event. The first is "hello", on which the caller fetches what happened before.
// told(state): called with "on", "lost" or "refused".
export function openLine(path, { hear, told }) {
  let retry = FIRST_RETRY;
  let heardAt = mark();
  let socket = null;

  function connect() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const own = new WebSocket(scheme + location.host + path);
    socket = own;
    heardAt = mark();
    own.addEventListener("message", ({ data }) => {
      heardAt = mark();
      if (own !== socket) return;
      const event = JSON.parse(data);
      if (event.kind === "hello") {
        retry = FIRST_RETRY;
        told("on");
      }
      hear(event);
    });
    own.addEventListener("close", ({ code }) => {
      if (own === socket) lose(code);
    });
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

  // A connection can be dead without being closed. Silence shows it.
  setInterval(() => {
    if (socket && most(heardAt) > SILENCE) lose();
  }, 1000);
  addEventListener("offline", () => {
    if (socket) lose();
  });
  connect();
  return { isOpen: () => socket !== null };
}
