// Marks where cameras stand on the plan and the zones they cover.
import { Drawing, element, send } from "./draw.js";

const root = document.getElementById("plan");
const svg = root.querySelector("svg");
const shapes = document.getElementById("shapes");
const [hint, wrong, keep, again] = ["hint", "wrong", "keep", "again"].map((id) => document.getElementById(id));
const cameras = JSON.parse(document.getElementById("marks").textContent);
const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
let chosen = null;

const picture = svg.querySelector("image");
if (picture) {
  const probe = new Image();
  probe.addEventListener("load", () => {
    const height = (100 * probe.naturalHeight) / probe.naturalWidth;
    svg.setAttribute("viewBox", `0 0 100 ${height}`);
    picture.setAttribute("height", height);
    show();
  });
  probe.src = picture.getAttribute("href");
}

const drawing = new Drawing(svg, shapes, show);
show();
if ("draw" in root.dataset) {
  for (const button of root.querySelectorAll("[data-camera]")) button.addEventListener("click", () => choose(button));
  again.addEventListener("click", () => chosen && drawing.begin());
  keep.addEventListener("click", save);
  root.querySelector("[data-camera]")?.click();
}

function choose(button) {
  for (const each of root.querySelectorAll("[data-camera]")) each.setAttribute("aria-pressed", String(each === button));
  chosen = cameras.find((camera) => camera.id === button.dataset.camera);
  drawing.begin(chosen.mark.at ? [...chosen.mark.at, ...chosen.mark.zone] : []);
}

function show() {
  shapes.replaceChildren();
  const labels = [];
  for (const camera of cameras) {
    if (camera === chosen || !camera.mark.at) continue;
    const [x, y] = camera.mark.at[0];
    shapes.append(element("polygon", { points: drawing.points(camera.mark.zone), class: "zone" }));
    shapes.append(element("circle", { cx: x * 100, cy: y * drawing.height, r: 1.1, class: "stand" }));
    const label = element("text", { x: x * 100, y: y * drawing.height + 3.6, "text-anchor": "middle" });
    label.textContent = camera.name;
    labels.push(label);
  }
  shapes.append(...labels);
  labels.forEach((label, place) =>
    settle(
      label,
      labels.slice(0, place).map((each) => each.getBBox()),
    ),
  );
  if (!chosen) return;
  drawing.draw(1);
  const count = drawing.corners.length;
  hint.textContent =
    count === 0
      ? `Tap where ${chosen.name} stands.`
      : count < 4
        ? `Tap the corners of the zone it covers: ${count - 1} so far.`
        : "Drag a corner to move it, or save the zone.";
  keep.disabled = count < 4;
}

// Keeps a label on the sheet and clear of the labels already placed.
function settle(label, placed) {
  const half = label.getBBox().width / 2 + 0.5;
  label.setAttribute("x", Math.min(Math.max(Number(label.getAttribute("x")), half), 100 - half));
  const step = label.getBBox().height;
  const meets = (box) =>
    placed.some(
      (other) =>
        box.x < other.x + other.width &&
        other.x < box.x + box.width &&
        box.y < other.y + other.height &&
        other.y < box.y + box.height,
    );
  const way = label.getBBox().y + step * (placed.length + 1) < drawing.height ? 1 : -1;
  while (meets(label.getBBox())) label.setAttribute("y", Number(label.getAttribute("y")) + way * step);
}

async function save() {
  const mark = { at: [drawing.corners[0]], zone: drawing.corners.slice(1) };
  wrong.hidden = true;
  try {
    chosen.mark = (await send(`/cameras/${chosen.id}/mark/`, token, { mark })).mark;
  } catch (error) {
    wrong.hidden = false;
    wrong.textContent = error.message;
    return;
  }
  const button = root.querySelector(`[data-camera="${chosen.id}"]`);
  Object.assign(button.querySelector(".badge"), { textContent: "Drawn", className: "badge live" });
  const next = cameras.find((camera) => !camera.mark.at);
  if (next) root.querySelector(`[data-camera="${next.id}"]`).click();
  else hint.textContent = "Every camera is on the plan.";
}
