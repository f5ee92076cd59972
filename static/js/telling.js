// How the console tells its user of what is new: sound, a line for screen readers, a notification of the browser.
import { ring } from "./sound.js";

// `announce` is read out by screen readers.
export function teller({ announce, notify, queue }) {
  let known = null;
  let alarmed = new Set();
  let again = null;
  offerNotifications(notify);

  // Called after each change of the queue. New alerts are told however they arrived: by event, after a lost connection
  // or by timer.
  return function tell() {
    const waiting = rows('[data-rows="waiting"] > li');
    const fresh = known ? waiting.filter(({ dataset }) => !known.has(dataset.id)) : [];
    if (fresh.length) tellFresh(fresh);
    known = new Set([...(known ?? []), ...waiting.map(({ dataset }) => dataset.id)]);
    const alarms = ids("li[data-alarm]");
    if (alarms.some((id) => !alarmed.has(id))) {
      ring("red");
      announce.textContent = "No officer has responded to a possible match that was referred";
    }
    alarmed = new Set(alarms);
    // Once until somebody looks, not each time: a poster would ring all day.
    const seen = ids('[data-rows="again"] > li');
    if (again && seen.some((id) => !again.has(id))) {
      ring("green");
      announce.textContent = "Matched again where it was decided as not the same";
    }
    again = new Set(seen);
  };

  function rows(selector) {
    return [...queue.querySelectorAll(selector)];
  }

  function ids(selector) {
    return rows(selector).map(({ dataset }) => dataset.id);
  }

  function tellFresh(fresh) {
    const count = queue.querySelector('[data-count="waiting"]')?.textContent ?? "0";
    const tiers = fresh.map(({ dataset }) => dataset.tier);
    const tier = ["red", "amber", "green"].find((each) => tiers.includes(each));
    ring(tier);
    announce.textContent = `New possible match: ${count} waiting`;
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      new Notification("Possible match", {
        body: `${tier ?? "New"}: ${count} waiting to be compared.`,
        tag: "lfr",
        renotify: true,
      });
    }
  }
}

function offerNotifications(button) {
  if (!("Notification" in window) || Notification.permission !== "default") return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await Notification.requestPermission();
    button.hidden = Notification.permission !== "default";
  });
}
