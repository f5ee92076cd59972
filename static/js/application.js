// The application, saved as it is typed: what can be kept is kept, what cannot says why beside its field.
const form = document.getElementById("application");
const [saved, problems, complete, submit] = ["saved", "problems", "complete", "submit"].map((id) => document.getElementById(id));
const revision = form.elements.revision;
const PAUSE_MS = 1200;

let timer = 0, saving = null, again = false, isStale = false;

form.addEventListener("input", () => { show("Not saved yet"); later(); });
form.addEventListener("change", () => later(100));
form.addEventListener("click", ({ target }) => {
  const kind = target.dataset?.add;
  if (kind === "camera") addCamera(target.closest(".period-fields"));
  if (kind === "period") addPeriod();
});
// What is being saved ends first, so that the page does not race itself.
form.addEventListener("submit", async (event) => {
  if (form.dataset.ready) return;
  event.preventDefault();
  clearTimeout(timer);
  await save();
  if (isStale) return;
  form.dataset.ready = "1";
  form.requestSubmit(event.submitter);
});
window.addEventListener("beforeunload", (event) => { if (timer && !form.dataset.ready) event.preventDefault(); });

function later(pause = PAUSE_MS) {
  clearTimeout(timer);
  timer = setTimeout(save, pause);
}

async function save() {
  timer = 0;
  if (isStale) return;
  if (saving) { again = true; return saving; }
  saving = send();
  await saving;
  saving = null;
  if (again) { again = false; await save(); }
}

async function send() {
  show("Saving…");
  let answer, body;
  try {
    answer = await fetch(location.pathname, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    body = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  } catch {
    show("Not saved: the server does not answer. What you typed stays on this page.", true);
    later(5000);
    return;
  }
  if (!body) {
    isStale = true;
    show(answer.status === 409 ? "Not saved: somebody else has changed this application. Open it again." : "Not saved: sign in again in another window, then type on.", true);
    if (answer.status !== 409) isStale = false;
    return;
  }
  if (body.errors.__all__?.some((text) => text.includes("has changed this application"))) isStale = true;
  revision.value = isStale ? revision.value : body.revision;
  mark(body.errors);
  adopt(body.ids);
  problems.replaceChildren(...body.problems.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  complete.hidden = body.problems.length > 0;
  submit.disabled = body.problems.length > 0;
  const wrong = Object.keys(body.errors).length;
  const time = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  show(wrong ? `Saved at ${time}, but for what is marked${body.errors.__all__ ? ": " + body.errors.__all__.join(" ") : ""}` : `Saved at ${time}`, wrong > 0);
}

function mark(errors) {
  for (const old of form.querySelectorAll(".field-error")) old.parentElement.remove();
  for (const field of form.querySelectorAll(".field.bad")) field.classList.remove("bad");
  for (const [name, texts] of Object.entries(errors)) {
    const field = form.elements[name]?.closest?.(".field");
    if (!field) continue;
    field.classList.add("bad");
    const box = document.createElement("div");
    for (const text of texts) box.append(Object.assign(document.createElement("p"), { className: "field-error", textContent: text }));
    field.append(box);
  }
}

// New rows have become rows of the database: from now on they are changed, not added again.
function adopt(ids) {
  for (const [name, id] of Object.entries(ids)) if (form.elements[name]) form.elements[name].value = id;
}

const fieldOf = (block, name) => [...block.querySelectorAll("input, select")].find((field) => field.name.endsWith(`-${name}`));

function fill(template, prefix) {
  const total = form.elements[`${prefix}-TOTAL_FORMS`];
  const node = document.getElementById(template).content.firstElementChild.cloneNode(true);
  for (const each of node.querySelectorAll("[name], [id], [for]")) {
    for (const name of ["name", "id", "for", "aria-describedby"]) if (each.hasAttribute(name)) each.setAttribute(name, each.getAttribute(name).replace("__prefix__", total.value));
  }
  total.value = Number(total.value) + 1;
  return node;
}

function addCamera(block) {
  const row = fill("new-camera", "cameras");
  fieldOf(row, "period").value = block.dataset.period;
  block.querySelector(".cameras-of").append(row);
  fieldOf(row, "name").focus();
}

function addPeriod() {
  const number = form.elements["periods-TOTAL_FORMS"].value;
  const block = fill("new-period", "periods");
  block.dataset.period = number;
  document.querySelector("#where > .acts").before(block);
  addCamera(block);
  fieldOf(block, "place").focus();
}

function show(text, isWrong = false) {
  saved.textContent = text;
  saved.classList.toggle("wrong", isWrong);
}
