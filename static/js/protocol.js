// Written by `manage.py write_docs` from core/sockets.py. Change that, then run it.

export const CLOSE = Object.freeze({
  TOO_LARGE: 1009,
  NOT_READY: 1013,
  MISUSE: 4400,
  NOT_SIGNED_IN: 4401,
  NOT_ALLOWED: 4403,
  NOT_LIVE: 4409,
  OVER: 4410,
  BUSY: 4423,
});

export const EVENT = Object.freeze({
  HELLO: "hello",
  BEAT: "beat",
  ALERT_RAISED: "alert.raised",
  ALERT_SHOT_ADDED: "alert.shot_added",
  ALERT_CHANGED: "alert.changed",
  STREET_CHANGED: "street.changed",
  DEPLOYMENT_LIVE: "deployment.live",
  DEPLOYMENT_CHANGED: "deployment.changed",
  DEPLOYMENT_TEST: "deployment.test",
  DEPLOYMENT_NOT_LIVE: "deployment.not_live",
  DEPLOYMENT_ENDED: "deployment.ended",
});

export const CAMERA = Object.freeze({
  READY: "ready",
  SEND: "send",
  CLOCK: "clock",
  LINE: "line",
  READ: "read",
  DROPPED: "dropped",
  REFUSED_FRAME: "refused_frame",
  PROBLEM: "problem",
  CLOSING: "closing",
});

// The states in which an alert is with officers.
export const STREET = new Set(["referred", "acked", "engaged", "id_check", "same"]);

// After these trying again cannot help.
export const FINAL = new Set([CLOSE.MISUSE, CLOSE.NOT_SIGNED_IN, CLOSE.NOT_ALLOWED, CLOSE.OVER]);
