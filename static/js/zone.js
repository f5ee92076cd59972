// Draws the zone of recognition over the camera's picture. The picture itself is not sent.
import { Drawing, element, send } from "./draw.js";

const root = document.getElementById("camera");
const svg = document.getElementById("zone");
const layer = svg.querySelector("g");
const [hint, wrong, drawIt, keep, all, backdrop, still, idle] = [
  "zone-hint",
  "zone-wrong",
  "zone-draw",
  "zone-keep",
  "zone-all",
  "backdrop",
  "still",
  "idle",
].map((id) => document.getElementById(id));
const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
let zone = JSON.parse(document.getElementById("zone-corners").textContent);

const drawing = new Drawing(svg, layer, show);
show();

// While the deployment is live the zone is only shown.
drawIt?.addEventListener("click", () => {
  keep.hidden = false;
  drawing.begin();
});
all?.addEventListener("click", () => save([]));
keep?.addEventListener("click", () => save(drawing.corners));
backdrop?.addEventListener("change", () => {
  const file = backdrop.files[0];
  if (!file) return;
  still.src = URL.createObjectURL(file);
  still.hidden = false;
  idle.hidden = true;
});

// Fits the overlay to the picture, whatever its shape.
const video = document.getElementById("video");
video.addEventListener("loadedmetadata", () => fit(video.videoWidth, video.videoHeight));
still.addEventListener("load", () => fit(still.naturalWidth, still.naturalHeight));

function fit(width, height) {
  const stage = svg.parentElement.getBoundingClientRect();
  const scale = Math.min(stage.width / width, stage.height / height);
  svg.setAttribute("viewBox", `0 0 100 ${(100 * height) / width}`);
  Object.assign(svg.style, {
    inset: "auto",
    width: `${(100 * width * scale) / stage.width}%`,
    height: `${(100 * height * scale) / stage.height}%`,
    left: `${(50 * (stage.width - width * scale)) / stage.width}%`,
    top: `${(50 * (stage.height - height * scale)) / stage.height}%`,
  });
  show();
}

function show() {
  svg.classList.toggle("drawing", Boolean(drawing.active));
  layer.replaceChildren();
  if (drawing.active) {
    drawing.draw();
    hint.textContent =
      drawing.corners.length < 3
        ? `Tap the corners of the zone: ${drawing.corners.length} so far.`
        : "Drag a corner to move it, or save the zone.";
    keep.disabled = drawing.corners.length < 3;
  } else if (zone.length) layer.append(element("polygon", { points: drawing.points(zone), class: "zone" }));
}

async function save(corners) {
  wrong.hidden = true;
  try {
    zone = (await send(root.dataset.zoneUrl, token, { zone: corners })).zone;
  } catch (error) {
    wrong.hidden = false;
    wrong.textContent = error.message;
    return;
  }
  drawing.active = false;
  keep.hidden = true;
  show();
  hint.textContent = zone.length
    ? "Zone saved. Faces are detected only inside the zone."
    : "Faces are detected in the whole picture.";
}
