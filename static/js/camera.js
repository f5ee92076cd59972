// A browser as a camera: it sends its newest picture when the server requests one, and draws the boxes of the answer.
import { CAMERA, CLOSE } from "./protocol.js";
import { openSocket } from "./socket.js";

const root = document.getElementById("camera");
const [video, overlay, idle, state, problem, stop] = ["video", "overlay", "idle", "state", "problem", "stop"].map(
  (id) => document.getElementById(id),
);
const figures = {
  fps: document.getElementById("fps"),
  latency: document.getElementById("latency"),
  dropped: document.getElementById("dropped"),
  faces: document.getElementById("in-view"),
};
const rate = document.getElementById("rate");
const canvas = document.createElement("canvas");
const LONGEST_SIDE = 1280;
// JPEG qualities and scales, best first. Smaller pictures are sent if a frame takes LONGEST_TRANSFER (ms) longer than a
// message of no size. The last is for the slowest lines: the smallest faces are lost with it.
const ENCODINGS = [
  [0.85, 1],
  [0.7, 1],
  [0.55, 1],
  [0.4, 1],
  [0.45, 0.75],
];
// The approximate size of a picture in each encoding, relative to the first.
const SIZES = [1, 0.57, 0.41, 0.33, 0.21];
const LONGEST_TRANSFER = 100;
const SMOOTHING = 0.3;

let socket = null,
  stream = null,
  // Counts the connections: a picture that was begun on one is not sent on the next.
  connection = 0;
// number: of the last picture that was due. lastSent: of the last picture that was sent.
let number = 0,
  lastSent = 0,
  sent = 0,
  most = 30,
  maySend = false,
  timer = 0;
let encoding = 3,
  roundTrip = 0,
  transfer = null;
const inFlight = new Map();
let latencies = [],
  reads = [],
  heardAt = 0;

// A server that has stopped sends nothing. Unanswered frames show it.
setInterval(() => {
  if (state.dataset.state === "on" && inFlight.size && performance.now() - heardAt > 4000) {
    show("waiting", "Waiting");
    tell("The server is not responding.");
  }
}, 1000);

document.getElementById("use-webcam").addEventListener("click", async () => {
  release();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
  } catch (error) {
    tell("The camera cannot be used: " + error.message);
    return;
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    end();
    tell("The camera was disconnected.");
  });
  video.removeAttribute("src");
  video.srcObject = stream;
  begin();
});

document.getElementById("file").addEventListener("change", (event) => {
  const file = event.target.files[0];
  if (!file) return;
  event.target.value = "";
  release();
  video.srcObject = null;
  video.src = URL.createObjectURL(file);
  begin();
});
stop.addEventListener("click", end);

let beginning = 0;

async function begin() {
  const own = ++beginning;
  try {
    await video.play();
  } catch {
    if (own === beginning) {
      end();
      tell("The video could not be played.");
    }
    return;
  }
  if (own !== beginning) return;
  heardAt = performance.now();
  stop.hidden = false;
  idle.hidden = true;
  socket ??= connect();
}

function end() {
  stop.hidden = true;
  idle.hidden = false;
  release();
  beginning += 1;
  video.pause();
  // The last picture may show somebody's face, so it is removed too.
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
  socket?.close();
  socket = null;
  clearTimeout(timer);
  inFlight.clear();
  maySend = false;
  show("off", "Off");
  draw([]);
}

function release() {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
}

function connect() {
  let closing = null;
  return openSocket(root.dataset.socket, {
    isFirst: ({ type }) => type === CAMERA.READY,
    opening: () => show("waiting", "Connecting…"),
    hear(message) {
      if (message.type === CAMERA.CLOSING) closing = message;
      hear(message);
    },
    told(state, code) {
      if (state === "on") return;
      maySend = false;
      clearTimeout(timer);
      inFlight.clear();
      draw([]);
      const tooLarge = code === CLOSE.TOO_LARGE ? "The picture was too large to send." : null;
      const reason = closing?.reason ?? tooLarge ?? "The connection to the server was lost.";
      closing = null;
      if (state === "refused") {
        end();
        show("refused", "Closed");
        tell(reason);
      } else {
        show("waiting", "Reconnecting…");
        tell(`${reason} Trying again.`);
      }
    },
  });
}

const heard = {
  [CAMERA.READY](message) {
    most = message.frame_rate;
    lastSent = number;
    inFlight.clear();
    connection += 1;
    show("on", "Streaming");
    tell("");
    tick();
  },
  [CAMERA.SEND]() {
    maySend = true;
    if (number > lastSent) send();
  },
  [CAMERA.CLOCK]({ id }) {
    socket.send(JSON.stringify({ type: CAMERA.CLOCK, id, at_ms: Date.now() }));
  },
  [CAMERA.LINE](message) {
    roundTrip = message.round_trip_ms;
  },
  [CAMERA.READ](message) {
    const sentAt = inFlight.get(message.frame);
    if (!inFlight.delete(message.frame)) return;
    measure(heardAt - sentAt - message.held_ms);
    if (state.dataset.state === "waiting") {
      show("on", "Streaming");
      tell("");
    }
    latencies = [...latencies.slice(-29), performance.now() - sentAt];
    reads = [...reads.slice(-59), performance.now()];
    draw(message.boxes);
    report(message.boxes.length);
  },
  [CAMERA.DROPPED]({ frame }) {
    inFlight.delete(frame);
  },
  [CAMERA.REFUSED_FRAME]({ frame, reason }) {
    inFlight.delete(frame);
    tell(reason);
  },
  [CAMERA.PROBLEM]({ text }) {
    show(text ? "waiting" : "on", text ? "Waiting" : "Streaming");
    tell(text);
  },
};

function hear(message) {
  heardAt = performance.now();
  heard[message.type]?.(message);
}

// A picture is due. It is sent if the server has requested one; otherwise the next replaces it.
function tick() {
  clearTimeout(timer);
  if (!socket?.canSend()) return;
  timer = setTimeout(tick, 1000 / Math.min(Number(rate.value), most));
  if (video.readyState < 2 || !video.videoWidth) return;
  number += 1;
  if (maySend) send();
  figures.dropped.textContent = Math.max(number - sent - 1, 0);
}

function send() {
  if (!socket?.canSend() || !video.videoWidth) return;
  const [quality, share] = ENCODINGS[encoding];
  const scale = share * Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const frame = number;
  const own = connection;
  maySend = false;
  lastSent = frame;
  canvas.toBlob(
    async (blob) => {
      const picture = blob && new Uint8Array(await blob.arrayBuffer().catch(() => new ArrayBuffer(0)));
      // In the meantime the connection may have been lost and opened again.
      if (own !== connection || !socket?.canSend()) return;
      if (!picture?.length) {
        maySend = true;
        return;
      }
      const bytes = new Uint8Array(4 + picture.length);
      new DataView(bytes.buffer).setUint32(0, frame);
      bytes.set(picture, 4);
      inFlight.set(frame, performance.now());
      sent += 1;
      socket.send(bytes);
    },
    "image/jpeg",
    quality,
  );
}

// Choose the encoding. transit: how long a frame and its answer were on the line (ms).
function measure(transit) {
  roundTrip = Math.min(roundTrip, transit);
  const taken = transit - roundTrip;
  transfer = transfer === null ? taken : transfer + SMOOTHING * (taken - transfer);
  const fits = (SIZES[encoding] * LONGEST_TRANSFER) / Math.max(transfer, 1);
  const found = SIZES.findIndex((size) => size <= fits);
  const next = found === -1 ? SIZES.length - 1 : found;
  transfer *= SIZES[next] / SIZES[encoding];
  encoding = next;
}

function draw(boxes) {
  overlay.width = overlay.clientWidth;
  overlay.height = overlay.clientHeight;
  if (!video.videoWidth) return;
  const scale = Math.min(overlay.width / video.videoWidth, overlay.height / video.videoHeight);
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
  const [left, top] = [(overlay.width - width) / 2, (overlay.height - height) / 2];
  const pen = overlay.getContext("2d");
  pen.lineWidth = 3;
  pen.strokeStyle = "#7fe3ff";
  pen.shadowColor = "#000";
  pen.shadowBlur = 3;
  for (const [x, y, w, h] of boxes) {
    pen.beginPath();
    pen.roundRect(left + x * width, top + y * height, w * width, h * height, 6);
    pen.stroke();
  }
}

function report(faces) {
  const span = reads.length > 1 ? (reads.at(-1) - reads[0]) / 1000 : 0;
  figures.fps.textContent = span ? ((reads.length - 1) / span).toFixed(1) : "–";
  figures.latency.textContent = `${Math.round([...latencies].sort((a, b) => a - b)[latencies.length >> 1])} ms`;
  figures.faces.textContent = faces;
}

function show(name, text) {
  if (name !== "on") {
    latencies = [];
    reads = [];
    for (const figure of [figures.fps, figures.latency, figures.faces]) figure.textContent = "–";
  }
  state.dataset.state = name;
  state.textContent = text;
}

function tell(text) {
  problem.hidden = !text;
  problem.textContent = text;
}

// Until this script has loaded, a press would be lost.
for (const id of ["use-webcam", "file"]) document.getElementById(id).disabled = false;
