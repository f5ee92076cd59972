// The console's keyboard.
import { moveBy, step as stepPictures } from "./compare.js";

const MOVES = { arrowleft: [-30, 0], arrowright: [30, 0], arrowup: [0, -30], arrowdown: [0, 30] };
const STORED = "console-letters";

// Press a button, or call `step` (-1 or 1: through the queue) or `cycle` (1 to 8: a feature), for each shortcut.
// `letters` turns single letters and digits off, for users who dictate or press keys by accident.
export function listenToKeys({ root, card, keys, letters, sound, step, cycle }) {
  let areLettersOn = localStorage.getItem(STORED) !== "off";

  function showLetters() {
    letters.setAttribute("aria-pressed", String(areLettersOn));
    letters.textContent = areLettersOn ? "Single-key shortcuts are on" : "Single-key shortcuts are off";
  }

  function pressLetter(key) {
    if (key === "m") sound.click();
    else if (key === "," || key === ".") stepPictures(card, "shot", key === "." ? 1 : -1);
    else if (key === "p") stepPictures(card, "photograph", 1);
    else if (/^[1-8]$/.test(key)) cycle(Number(key));
    else {
      const name = key === "=" ? "+" : key;
      root.querySelector(`.card-side button[data-key="${CSS.escape(name)}"]:not(:disabled)`)?.click();
    }
  }

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.key === "Escape" && target.matches("select")) return target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("input:not([type=checkbox]), textarea, select")) return;
    const key = event.key.toLowerCase();
    if (event.shiftKey && key in MOVES) {
      event.preventDefault();
      return moveBy(card, ...MOVES[key]);
    }
    if (event.repeat) return;
    if (key === "?") keys.click();
    else if (key === "arrowdown" || key === "arrowup") {
      event.preventDefault();
      step(key === "arrowdown" ? 1 : -1);
    } else if (areLettersOn) pressLetter(key);
  });

  letters.addEventListener("click", () => {
    areLettersOn = !areLettersOn;
    localStorage.setItem(STORED, areLettersOn ? "on" : "off");
    showLetters();
  });
  showLetters();
  keys.addEventListener("click", () => {
    const help = document.getElementById("keys-help");
    help.hidden = !help.hidden;
    keys.setAttribute("aria-expanded", String(!help.hidden));
  });
  leaveListsToKeys(card);
}

// A list that was used with a pointer must not keep the focus and swallow the keys for decisions.
function leaveListsToKeys(card) {
  let isPointer = false;
  for (const kind of ["pointerdown", "keydown"])
    addEventListener(
      kind,
      () => {
        isPointer = kind === "pointerdown";
      },
      true,
    );
  card.addEventListener("change", ({ target }) => {
    if (isPointer && target.matches("select")) target.blur();
  });
}
