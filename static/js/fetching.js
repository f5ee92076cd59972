// Fetches fragments of pages. If there are several requests for one place, only the latest counts.
import { mark } from "./time.js";

const PATIENCE = 8000;
const latest = new Map();

// Resolves to {html, status, sent, received}, with moments as `mark` of time.js gives them, or to {reason, status}, with
// the reason as text. isAway: the server did not handle the request, so it may be tried again. isLate: there has been a
// later request for this place.
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
    // The connection may also fail during the response.
    text = await response.text();
  } catch {
    return { isAway: true, reason: "The server did not answer. Try again: your action cannot be recorded twice." };
  }
  const { status } = response;
  if (response.redirected) return { isAway: true, isSignedOut: true, reason: "You are signed out. Sign in again." };
  if (response.ok) return { html: text, status, sent, received };
  const reason = new DOMParser().parseFromString(text, "text/html").getElementById("reason")?.textContent;
  return {
    isAway: status >= 500 || status === 429,
    reason: reason ?? "The server could not do this. Try again.",
    status,
  };
}

export function postPiece(url, body, token, place) {
  return fetchPiece(url, place, { method: "POST", body, headers: { "X-CSRFToken": token } });
}

// The elements of an HTML text. In a template, nothing is loaded (including images) until it is put into the page.
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
