// Two faces side by side: zoom, move both together, or show them alternately in one place (flicker).
const NEAREST = 6;
const FLICKER_MS = 420;

let zoom = 1;
let shift = [0, 0];
let flicker = null;

export function compare(card) {
  stopFlicker();
  zoom = 1;
  shift = [0, 0];
  for (const lens of card.querySelectorAll(".lens")) {
    lens.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        zoomBy(card, event.deltaY < 0 ? 1.2 : 1 / 1.2);
      },
      { passive: false },
    );
    lens.addEventListener("pointerdown", (event) => {
      if (zoom === 1) return;
      lens.setPointerCapture(event.pointerId);
      const from = [event.clientX - shift[0], event.clientY - shift[1]];
      const move = ({ clientX, clientY }) => {
        shift = [clientX - from[0], clientY - from[1]];
        place(card);
      };
      lens.addEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"])
        lens.addEventListener(end, () => lens.removeEventListener("pointermove", move), { once: true });
    });
  }
}

export function use(card, button) {
  const { tool, shot, photograph } = button.dataset;
  if (tool === "in") zoomBy(card, 1.4);
  else if (tool === "out") zoomBy(card, 1 / 1.4);
  else if (tool === "flicker") toggleFlicker(card, button);
  else if (shot) choose(card, button, ".probe img", shot);
  else if (photograph) choose(card, button, ".reference img", photograph);
}

// Select the next of several shots or photographs. kind: "shot" or "photograph".
export function step(card, kind, by) {
  const buttons = [...card.querySelectorAll(`[data-${kind}]`)];
  if (buttons.length < 2) return;
  const at = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  use(card, buttons[(at + by + buttons.length) % buttons.length]);
}

function choose(card, button, where, url) {
  const image = card.querySelector(where);
  if (image) image.src = url;
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
}

function zoomBy(card, factor) {
  zoom = Math.min(Math.max(zoom * factor, 1), NEAREST);
  if (zoom < 1.05) {
    zoom = 1;
    shift = [0, 0];
  }
  place(card);
}

// Move both pictures by so many pixels, if they are zoomed in.
export function moveBy(card, right, down) {
  if (zoom === 1) return;
  shift = [shift[0] + right, shift[1] + down];
  place(card);
}

function place(card) {
  // Both by the same, so that the faces stay aligned.
  for (const image of card.querySelectorAll(".lens img"))
    image.style.transform = `translate(${shift[0]}px, ${shift[1]}px) scale(${zoom})`;
}

function toggleFlicker(card, button) {
  if (flicker) {
    stopFlicker();
    return;
  }
  const pair = card.querySelector(".pair");
  button.setAttribute("aria-pressed", "true");
  pair.dataset.flicker = "probe";
  const timer = setInterval(() => {
    pair.dataset.flicker = pair.dataset.flicker === "probe" ? "reference" : "probe";
  }, FLICKER_MS);
  flicker = () => {
    clearInterval(timer);
    delete pair.dataset.flicker;
    button.setAttribute("aria-pressed", "false");
  };
}

function stopFlicker() {
  flicker?.();
  flicker = null;
}
