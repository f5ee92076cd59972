// Draws a part of the camera's picture that is not looked at any longer. It may be done while the camera is live.
import { Drawing, element, send } from "./draw.js";

const root = document.getElementById("camera");
const svg = document.getElementById("zone");
const layer = document.getElementById("excluded");
const [drawIt, keep, reason, hint, wrong] = [
  "exclude-draw",
  "exclude-keep",
  "exclude-reason",
  "exclude-hint",
  "exclude-wrong",
].map((id) => document.getElementById(id));
const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
let excluded = JSON.parse(document.getElementById("excluded-corners").textContent);

const drawing = new Drawing(svg, layer, show);
show();

drawIt.addEventListener("click", () => {
  keep.hidden = false;
  drawing.begin();
});
keep.addEventListener("click", save);

function show() {
  svg.classList.toggle("drawing", Boolean(drawing.active));
  layer.replaceChildren();
  for (const corners of excluded) layer.append(element("polygon", { points: drawing.points(corners), class: "out" }));
  if (!drawing.active) return;
  drawing.draw();
  hint.textContent =
    drawing.corners.length < 3
      ? `Tap the corners of the part to exclude: ${drawing.corners.length} so far.`
      : "Drag a corner to move it. Then enter the reason and exclude this part.";
  keep.disabled = drawing.corners.length < 3;
}

async function save() {
  wrong.hidden = true;
  const fields = { zone: drawing.corners };
  try {
    excluded = (await send(`${root.dataset.excludeUrl}`, token, fields, { reason: reason.value })).excluded;
  } catch (error) {
    wrong.hidden = false;
    wrong.textContent = error.message;
    return;
  }
  drawing.active = false;
  keep.hidden = true;
  show();
  hint.textContent = "Excluded. Faces there are not looked at from now on.";
}
