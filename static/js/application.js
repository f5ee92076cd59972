// Saves the application form as the user types. Valid fields are saved; the others show an error.
const form = document.getElementById("application");
const [saved, problems, complete, submit] = ["saved", "problems", "complete", "submit"].map((id) =>
  document.getElementById(id),
);
const revision = form.elements.revision;
const PAUSE_MS = 1200;

// Number of changes typed, and of changes known to be saved.
let typed = 0,
  kept = 0;
let timer = 0,
  saving = null,
  isStale = false;

form.addEventListener("input", () => {
  typed += 1;
  show("Not saved yet");
  later();
});
form.addEventListener("change", () => {
  typed += 1;
  later(100);
});
form.addEventListener("click", ({ target }) => {
  const kind = target.dataset?.add;
  if (kind === "camera") addCamera(target.closest(".period-fields"));
  if (kind === "period") addPeriod();
});
// Save every change before the form is submitted.
form.addEventListener("submit", async (event) => {
  if (form.dataset.ready || (typed === kept && !saving && !isStale)) return;
  event.preventDefault();
  const button = event.submitter;
  if (!(await saveAll())) return;
  form.dataset.ready = "1";
  // Not during this event: a form cannot be submitted while it is being submitted.
  setTimeout(() => form.requestSubmit(button));
});
window.addEventListener("beforeunload", (event) => {
  if (typed > kept && !form.dataset.ready) event.preventDefault();
});

function later(pause = PAUSE_MS) {
  clearTimeout(timer);
  timer = setTimeout(saveAll, pause);
}

// Returns whether everything is saved. Only one save runs at a time.
async function saveAll() {
  clearTimeout(timer);
  while (saving) await saving;
  let isRight = true;
  while (typed > kept && isRight && !isStale) {
    saving = send();
    isRight = await saving;
    saving = null;
  }
  return isRight && !isStale;
}

async function send() {
  const upTo = typed;
  show("Saving…");
  let answer, body;
  try {
    answer = await fetch(location.pathname, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    body = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  } catch {
    show("Not saved: the server is not responding. Your changes are still on this page.", true);
    later(5000);
    return false;
  }
  if (!body) {
    isStale = answer.status === 409;
    show(
      isStale
        ? "Not saved: this application can no longer be changed here. Open it again."
        : "Not saved: sign in again in another window. Your changes are still on this page.",
      true,
    );
    if (!isStale) later(5000);
    return false;
  }
  mark(body.errors);
  const refused = body.errors.__all__;
  if (refused) {
    isStale = refused.some((text) => text.includes("has changed this application"));
    show(`Not saved: ${refused.join(" ")}`, true);
    return false;
  }
  revision.value = body.revision;
  adopt(body.ids);
  problems.replaceChildren(
    ...body.problems.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  complete.hidden = body.problems.length > 0;
  submit.disabled = body.problems.length > 0;
  const time = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const isRight = Object.keys(body.errors).length === 0;
  if (isRight) kept = upTo;
  show(isRight ? `Saved at ${time}` : `Saved at ${time}, except the marked fields`, !isRight);
  return isRight;
}

function mark(errors) {
  for (const old of form.querySelectorAll(".field-error")) old.parentElement.remove();
  for (const field of form.querySelectorAll(".field.bad")) field.classList.remove("bad");
  for (const [name, texts] of Object.entries(errors)) {
    const field = form.elements[name]?.closest?.(".field");
    if (!field) continue;
    field.classList.add("bad");
    const box = document.createElement("div");
    for (const text of texts)
      box.append(Object.assign(document.createElement("p"), { className: "field-error", textContent: text }));
    field.append(box);
  }
}

// Gives new rows their ids, so that later saves change them instead of adding them again.
function adopt(ids) {
  for (const [name, id] of Object.entries(ids)) if (form.elements[name]) form.elements[name].value = id;
}

const fieldOf = (block, name) =>
  [...block.querySelectorAll("input, select")].find((field) => field.name.endsWith(`-${name}`));

function fill(template, prefix) {
  const total = form.elements[`${prefix}-TOTAL_FORMS`];
  const node = document.getElementById(template).content.firstElementChild.cloneNode(true);
  for (const each of node.querySelectorAll("[name], [id], [for]")) {
    for (const name of ["name", "id", "for", "aria-describedby"])
      if (each.hasAttribute(name)) each.setAttribute(name, each.getAttribute(name).replace("__prefix__", total.value));
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
