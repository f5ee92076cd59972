// The server's time. This device's clock may be wrong and may be set while a page is open, so no time of the server's is
// ever compared with it: what counts is the server's word, estimated from round trips, and the page's stopwatch since.

// Clock and stopwatch part by more than this (ms): the clock was set, or the device slept and the stopwatch stood still.
const MOVED = 1000;
// The same while the device's own clock is measured.
const STEADY = 20;
// Seconds of doubt that an estimate gains each second: stopwatches differ.
const WEAR = 0.001;
const PATIENCE = 10000;
const PAGE = `${performance.timeOrigin} ${Math.random()}`;

// One moment by this device's clock and by the page's stopwatch, in milliseconds.
export function mark() {
  return { wall: Date.now(), ticks: performance.now() };
}

// How far the two parted between two moments.
function parted(from, to) {
  return Math.abs(to.wall - to.ticks - from.wall + from.ticks);
}

// At least how long ago a moment was, whichever of the two was wrong since: for what must not go unnoticed.
export function most({ wall, ticks }) {
  return Math.max(Date.now() - wall, performance.now() - ticks);
}

// ahead: seconds of the server's clock less this page's stopwatch, give or take doubt, as it was found at a moment.
let best = { ahead: (Date.now() - performance.now()) / 1000, doubt: Infinity, at: mark() };

// Whether what was learnt of the server's time may have gone stale.
export function hasMoved() {
  return parted(best.at, mark()) > MOVED;
}

// seconds: the server's clock, read between two moments, sent and received. The most certain estimate counts.
function learn(seconds, { sent, received }) {
  // The device slept, or its clock was set, while it waited for the answer: nobody knows how long that was.
  if (parted(sent, received) > MOVED) return false;
  const doubt = (received.ticks - sent.ticks) / 2000;
  const worn = best.doubt + ((received.ticks - best.at.ticks) / 1000) * WEAR;
  if (doubt <= worn || hasMoved()) best = { ahead: seconds - (sent.ticks + received.ticks) / 2000, doubt, at: received };
  return true;
}

// element: says with data-now when the server made it. trip: {sent, received} of the request for it; of the page itself
// all that is known is that it was made since the page was asked for.
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

// One round trip for nothing but the server's time; null when it did not answer, or cannot be relied on.
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

// How far this device's own clock is ahead of the server's, in whole milliseconds, by the shortest of several round
// trips; null when the server did not answer. told(trip): before each.
export async function deviceOffset(url, trips, told) {
  let shortest = null;
  for (let trip = 1; trip <= trips; trip += 1) {
    told(trip);
    const one = await ask(url);
    if (one?.isSteady && !(shortest?.half <= one.half)) shortest = one;
  }
  // Browsers say what time it is in whole milliseconds.
  return shortest && { ms: Math.round(shortest.offset), uncertainty: Math.ceil(shortest.half + 2) };
}

// A moment to be measured from later, even by another page. at: milliseconds of the server's time.
export function stamp() {
  return { ...mark(), at: serverNow() * 1000, page: PAGE };
}

// How many milliseconds ago that was: by the stopwatch, unless it began anew or stood still meanwhile.
export function since(moment) {
  const isOneRun = moment.page === PAGE && parted(moment, mark()) <= MOVED;
  return Math.max(isOneRun ? performance.now() - moment.ticks : serverNow() * 1000 - moment.at, 0);
}

export function span(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Every element with data-since shows how long that is; past data-alarm-after it is marked.
export function tickAges(root) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const seconds = serverNow() - Number(element.dataset.since);
    element.textContent = span(seconds);
    if (element.dataset.alarmAfter) element.toggleAttribute("data-late", seconds > Number(element.dataset.alarmAfter));
  }
}
