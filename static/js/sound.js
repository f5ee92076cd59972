// A sound for each tier. The button always shows whether sound is on.
const TUNES = {
  red: [
    [0, 988],
    [0.14, 988],
    [0.28, 1319],
    [0.42, 1319],
  ],
  amber: [
    [0, 880],
    [0.18, 1175],
  ],
  green: [[0, 659]],
};
const KEPT = "console-sound";

let audio = null;
let isOn = false;

export function ring(tier) {
  if (!isOn) return;
  for (const [delay, pitch] of TUNES[tier] ?? TUNES.amber) {
    const tone = audio.createOscillator(),
      gain = audio.createGain();
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.25, audio.currentTime + delay);
    gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + delay + 0.3);
    tone.connect(gain).connect(audio.destination);
    tone.start(audio.currentTime + delay);
    tone.stop(audio.currentTime + delay + 0.32);
  }
}

// button: shows whether sound is on, and turns it on and off.
export function soundButton(button) {
  const label = button.firstChild;
  async function set(on) {
    audio ??= new AudioContext();
    await audio.resume();
    isOn = on;
    button.dataset.state = on ? "on" : "off";
    button.setAttribute("aria-pressed", String(on));
    label.textContent = on ? "Sound is on " : "Sound is off ";
    localStorage.setItem(KEPT, on ? "on" : "off");
  }
  button.addEventListener("click", async () => {
    await set(!isOn);
    ring("amber");
  });
  // Browsers allow sound only after a first click or key. If it was on last time, that turns it on again.
  if (localStorage.getItem(KEPT) === "on") {
    const restore = (event) => {
      if (!isOn && !button.contains(event.target) && event.key !== "m") set(true);
    };
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, restore, { once: true });
  }
}
