// Pieces of pages, asked for one by one. Of several answers for one place the last that was asked for counts.
import { mark } from "./time.js";

const PATIENCE = 8000;
const latest = new Map();

// Gives {html, sent, received}, the moments as time.js marks them, or why not: {reason, status}, in words. isAway:
// nothing was said to it, so it may be tried again. isLate: something else was asked for at this place meanwhile.
export async function fetchPiece(url, place, options = {}) {
  const ticket = Symbol();
  latest.set(place, ticket);
  const answer = await ask(url, options);
  return latest.get(place) === ticket ? answer : { ...answer, isLate: true };
}

async function ask(url, options) {
  const sent = mark();
  let response, received, text;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options });
    received = mark();
    // A line may break in the middle of an answer as well.
    text = await response.text();
  } catch {
    return { isAway: true, reason: "The server did not answer. Try again: what you pressed is recorded once at most." };
  }
  const { status } = response;
  if (response.redirected) return { isAway: true, isSignedOut: true, reason: "You are signed out. Sign in again." };
  if (response.ok) return { html: text, status, sent, received };
  const said = new DOMParser().parseFromString(text, "text/html").getElementById("reason")?.textContent;
  return { isAway: status >= 500 || status === 429, reason: said ?? "The server could not do this. Try again.", status };
}

export function postPiece(url, body, token, place) {
  return fetchPiece(url, place, { method: "POST", body, headers: { "X-CSRFToken": token } });
}
