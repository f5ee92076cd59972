// The server's time. This device's clock may be wrong, or set while a page is open, so server times are never compared
// with it. Instead the server's time is estimated from round trips and continued with the page's stopwatch
// (performance.now).

// If clock and stopwatch diverge by more than this (ms), the clock was set, or the device slept and the stopwatch
// stopped.
const MOVED = 1000;
// The same limit while the device's own clock is measured.
const STEADY = 20;
// Uncertainty in seconds that an estimate gains each second, because stopwatches differ.
const WEAR = 0.001;
const PATIENCE = 10000;
const PAGE = `${performance.timeOrigin} ${Math.random()}`;

// Returns the present moment by this device's clock and by the page's stopwatch, in milliseconds.
export function mark() {
  return { wall: Date.now(), ticks: performance.now() };
}

// Returns by how many milliseconds the two diverged between two moments.
function parted(from, to) {
  return Math.abs(to.wall - to.ticks - from.wall + from.ticks);
}

// Returns the longer of the two measures of how long ago a moment was, for delays that must not go unnoticed.
export function most({ wall, ticks }) {
  return Math.max(Date.now() - wall, performance.now() - ticks);
}

// The best estimate. ahead: the server's clock minus this page's stopwatch, in seconds; doubt: its uncertainty.
let best = { ahead: (Date.now() - performance.now()) / 1000, doubt: Infinity, at: mark() };

// Returns whether the estimate of the server's time may be out of date.
export function hasMoved() {
  return parted(best.at, mark()) > MOVED;
}

// seconds: the server's clock, read between the moments sent and received. The more certain estimate is kept.
function learn(seconds, { sent, received }) {
  // The device slept, or its clock was set, while it waited for the answer, so the duration is unknown.
  if (parted(sent, received) > MOVED) return false;
  const doubt = (received.ticks - sent.ticks) / 2000;
  const worn = best.doubt + ((received.ticks - best.at.ticks) / 1000) * WEAR;
  if (doubt <= worn || hasMoved())
    best = { ahead: seconds - (sent.ticks + received.ticks) / 2000, doubt, at: received };
  return true;
}

// element: its data-now is the server's time when it was rendered. trip: {sent, received} of the request for it. Of the
// page itself, all that is known is that it was rendered after it was requested.
export function learnTime(element, trip) {
  const now = Number(element?.dataset.now);
  if (now) learn(now, trip ?? sinceThePageWasAskedFor());
}

function sinceThePageWasAskedFor() {
  const received = mark();
  return { sent: { wall: received.wall - received.ticks, ticks: 0 }, received };
}

export function serverNow() {
  return performance.now() / 1000 + best.ahead;
}

// Asks for the server's time in one round trip; null if the server did not answer or the measurement is unreliable.
export async function ask(url) {
  const sent = mark();
  try {
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const received = mark();
    if (!response.ok || response.redirected) return null;
    const { ms } = await response.json();
    if (!learn(ms / 1000, { sent, received })) return null;
    const half = (received.ticks - sent.ticks) / 2;
    return { offset: received.wall - half - ms, half, isSteady: parted(sent, received) <= STEADY };
  } catch {
    return null;
  }
}

// Measures how far this device's own clock is ahead of the server's, in whole milliseconds, by the shortest of several
// round trips; null if the server did not answer. told(trip): called before each.
export async function deviceOffset(url, trips, told) {
  let shortest = null;
  for (let trip = 1; trip <= trips; trip += 1) {
    told(trip);
    const one = await ask(url);
    if (one?.isSteady && !(shortest?.half <= one.half)) shortest = one;
  }
  // Browsers give the time in whole milliseconds.
  return shortest && { ms: Math.round(shortest.offset), uncertainty: Math.ceil(shortest.half + 2) };
}

// Returns a moment to measure from later, even on another page. at: the server's time in milliseconds.
export function stamp() {
  return { ...mark(), at: serverNow() * 1000, page: PAGE };
}

// Returns how many milliseconds ago that was: by the stopwatch, unless it has restarted or stopped since.
export function since(moment) {
  const isOneRun = moment.page === PAGE && parted(moment, mark()) <= MOVED;
  return Math.max(isOneRun ? performance.now() - moment.ticks : serverNow() * 1000 - moment.at, 0);
}

export function span(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Shows in every element with data-since how long ago that was, and marks it after data-alarm-after seconds.
export function tickAges(root) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const seconds = serverNow() - Number(element.dataset.since);
    element.textContent = span(seconds);
    if (element.dataset.alarmAfter) element.toggleAttribute("data-late", seconds > Number(element.dataset.alarmAfter));
  }
}
