// Acts that wait to be sent, oldest first. They hold ids and codes only, and outlive the page.
import { stamp } from "./time.js";

export class Outbox {
  #name;
  #sign;
  #isSending = false;

  // name: of the entry in the browser's storage. sign: the element that says what has not been sent.
  constructor(name, sign) {
    this.#name = name;
    this.#sign = sign;
  }

  acts() {
    return JSON.parse(localStorage.getItem(this.#name) ?? "[]");
  }

  // The last act on an alert that has not been sent.
  lastOf(alert) {
    return this.acts().findLast((act) => act.alert === alert);
  }

  // Add an act, with the key by which the server knows it if it is sent twice, and with its time.
  add(act) {
    this.#store([...this.acts(), { key: crypto.randomUUID(), ...act, ...stamp() }]);
  }

  drop(act) {
    this.#store(this.acts().filter(({ key }) => key !== act.key));
  }

  show() {
    const acts = this.acts();
    const unsent = acts.map((act) => `${act.label} (${new Date(act.at).toLocaleTimeString("en-GB")})`).join(", ");
    this.#sign.toggleAttribute("data-waits", acts.length > 0);
    this.#sign.textContent = unsent ? `Not sent yet: ${unsent}` : "Everything has been sent";
  }

  // Send in order. sendOne(act) resolves to "done", which dropped the act; to "away" if the server cannot be reached;
  // or to "barred", which delays only later acts on the same alert. isReady: asked first if there is anything to send.
  async send(sendOne, isReady) {
    if (this.#isSending) return;
    this.#isSending = true;
    const barred = new Set();
    try {
      if (this.acts().length && !(await isReady())) return;
      for (let act = this.acts()[0]; act; act = this.acts().find(({ alert }) => !barred.has(alert))) {
        const how = await sendOne(act);
        if (how === "away") break;
        if (how === "barred") barred.add(act.alert);
      }
    } finally {
      this.#isSending = false;
    }
  }

  #store(acts) {
    localStorage.setItem(this.#name, JSON.stringify(acts));
    this.show();
  }
}
