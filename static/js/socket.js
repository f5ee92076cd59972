// A socket that notices loss and silence, and is opened again by itself unless its close code is final.
import { EVENT, FINAL } from "./protocol.js";
import { mark, most } from "./time.js";

const FIRST_RETRY = 500;
const SLOWEST_RETRY = 5000;
// Beats come every four seconds.
const EVENTS_SILENCE = 9000;

// Live events, {kind, id}: EVENT.HELLO comes first, and the receiver then fetches what happened before.
export function openEvents(path, { hear, told }) {
  return openSocket(path, { hear, told, isFirst: ({ kind }) => kind === EVENT.HELLO, silence: EVENTS_SILENCE });
}

// hear(message): a message of the server. isFirst(message): whether it is the first of a socket that was admitted.
// told(state, code): "on", "lost" or "refused". opening(): a connection is being made. silence: without a message for so many milliseconds the socket
// counts as lost; none for sockets on which the server may have nothing to say.
export function openSocket(path, { hear, told, isFirst, opening, silence = Infinity }) {
  let retry = FIRST_RETRY;
  let heardAt = mark();
  let socket = null;
  let again = 0;
  let isClosed = false;

  function connect() {
    opening?.();
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const own = new WebSocket(scheme + location.host + path);
    socket = own;
    heardAt = mark();
    own.addEventListener("message", ({ data }) => {
      heardAt = mark();
      if (own !== socket) return;
      const message = JSON.parse(data);
      if (isFirst(message)) {
        retry = FIRST_RETRY;
        told("on");
      }
      hear(message);
    });
    own.addEventListener("close", ({ code }) => {
      if (own === socket) lose(code);
    });
  }

  function lose(code) {
    const gone = socket;
    socket = null;
    gone?.close();
    if (FINAL.has(code)) stop();
    told(isClosed ? "refused" : "lost", code);
    if (isClosed) return;
    again = setTimeout(connect, retry);
    retry = Math.min(retry * 2, SLOWEST_RETRY);
  }

  // A connection can be dead without a close event. Silence shows it.
  const watch = setInterval(() => {
    if (socket && most(heardAt) > silence) lose();
  }, 1000);
  addEventListener("offline", loseIfOpen);
  connect();

  function loseIfOpen() {
    if (socket) lose();
  }

  function stop() {
    isClosed = true;
    clearTimeout(again);
    clearInterval(watch);
    removeEventListener("offline", loseIfOpen);
  }

  return {
    isOpen: () => socket !== null,
    canSend: () => socket?.readyState === WebSocket.OPEN,
    send: (data) => socket.send(data),
    close() {
      stop();
      const gone = socket;
      socket = null;
      gone?.close(1000);
    },
  };
}
