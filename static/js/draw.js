// A shape drawn corner by corner, by tap, mouse or keyboard, on an SVG whose view is 100 wide.
const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class Drawing {
  // corners: shares of the width and height, as the server stores them.
  constructor(svg, layer, changed) {
    this.svg = svg;
    this.layer = layer;
    this.changed = changed;
    this.corners = [];
    this.dragged = null;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", () => {
      this.dragged = null;
    });
  }

  get height() {
    return this.svg.viewBox.baseVal.height;
  }

  share(event) {
    const box = this.svg.getBoundingClientRect();
    const clamp = (value) => Math.min(1, Math.max(0, value));
    return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
  }

  down(event) {
    if (!this.active) return;
    const corner = event.target.dataset?.corner;
    if (corner !== undefined) {
      this.dragged = Number(corner);
      this.svg.setPointerCapture(event.pointerId);
      return;
    }
    this.corners.push(this.share(event));
    this.changed();
  }

  move(event) {
    if (this.dragged === null || !this.active) return;
    this.corners[this.dragged] = this.share(event);
    this.changed();
  }

  begin(corners = []) {
    this.active = true;
    this.corners = corners.map((corner) => [...corner]);
    this.changed();
  }

  points(corners = this.corners) {
    return corners.map(([x, y]) => `${x * 100},${y * this.height}`).join(" ");
  }

  draw(from = 0) {
    const zone = this.corners.slice(from);
    if (zone.length > 1) this.layer.append(element("polygon", { points: this.points(zone), class: "zone active" }));
    this.corners.forEach(([x, y], index) => {
      const dot = element("circle", {
        cx: x * 100,
        cy: y * this.height,
        r: 1.1,
        class: index < from ? "stand" : "corner",
        tabindex: 0,
      });
      dot.dataset.corner = index;
      dot.addEventListener("keydown", (event) => this.key(event, index));
      this.layer.append(dot);
    });
  }

  key(event, index) {
    const step = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] }[event.key];
    if (!step) return;
    event.preventDefault();
    this.corners[index] = this.corners[index].map((value, axis) => Math.min(1, Math.max(0, value + step[axis])));
    this.changed();
    this.layer.querySelector(`[data-corner="${index}"]`)?.focus();
  }
}

// fields: shapes, sent as JSON. texts: sent as they are.
export async function send(address, token, fields, texts = {}) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", token);
  for (const [key, value] of Object.entries(fields)) body.append(key, JSON.stringify(value));
  for (const [key, value] of Object.entries(texts)) body.append(key, value);
  const answer = await fetch(address, { method: "POST", body });
  if (!answer.headers.get("Content-Type")?.includes("json"))
    throw new Error("The drawing was not saved. Open this page again.");
  const result = await answer.json();
  if (!answer.ok) throw new Error(result.error);
  return result;
}
