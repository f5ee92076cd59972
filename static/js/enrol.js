// Checks a photograph before it is saved, lets the user choose a face or draw a frame around it, and takes photographs
// with the webcam.
const form = document.getElementById("enrol");
const input = form.querySelector("input[type=file]");
const chosen = form.querySelector("input[name=face]");
const frame = form.querySelector("input[name=frame]");
const [viewfinder, video, preview, faces, verdict, report, webcam, shoot, redraw] = [
  "viewfinder",
  "video",
  "preview",
  "faces",
  "verdict",
  "report",
  "webcam",
  "shoot",
  "redraw",
].map((id) => document.getElementById(id));
let stream = null;
let asked = 0;

input.addEventListener("change", () => {
  chosen.value = frame.value = "";
  if (input.files.length) show(input.files[0]);
});

webcam.addEventListener("click", async () => {
  stream?.getTracks().forEach((track) => track.stop());
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
  } catch (error) {
    tell([["wrong", "The camera cannot be used: " + error.message]]);
    return;
  }
  video.srcObject = stream;
  await video.play();
  viewfinder.hidden = shoot.hidden = false;
  video.hidden = false;
  preview.hidden = true;
  faces.replaceChildren();
});

shoot.addEventListener("click", () => {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  stream.getTracks().forEach((track) => track.stop());
  shoot.hidden = true;
  canvas.toBlob(
    (blob) => {
      const files = new DataTransfer();
      files.items.add(new File([blob], "webcam.jpg", { type: "image/jpeg" }));
      input.files = files.files;
      input.dispatchEvent(new Event("change"));
    },
    "image/jpeg",
    0.95,
  );
});

async function show(file) {
  stream?.getTracks().forEach((track) => track.stop());
  shoot.hidden = true;
  video.hidden = true;
  preview.hidden = viewfinder.hidden = false;
  preview.src = URL.createObjectURL(file);
  faces.replaceChildren();
  redraw.hidden = false;
  tell([["doubt", "Checking the photograph…"]]);
  const answer = await check(file, null);
  if (answer) drawFaces(file, answer);
}

async function check(file, face) {
  if (file.size > 20 * 2 ** 20) {
    tell([["wrong", `This file is ${Math.round(file.size / 2 ** 20)} MB. The photograph must be 20 MB or smaller.`]]);
    return null;
  }
  // Show only the answer for the photograph and face chosen last.
  const question = ++asked;
  const body = new FormData();
  body.append("photograph", file);
  if (face !== null) body.append("face", face);
  body.append("frame", frame.value);
  body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
  try {
    const response = await fetch(form.dataset.checkUrl, { method: "POST", body });
    const answer = await response.json();
    if (question !== asked) return null;
    if (answer.error) tell([["wrong", answer.error]]);
    else judge(answer);
    showReport(answer.report ?? []);
    return answer;
  } catch {
    if (question === asked)
      tell([["wrong", "The photograph could not be sent. Check that it is 20 MB or smaller, and try again."]]);
    return null;
  }
}

function drawFaces(file, { faces: boxes, error }) {
  boxes.forEach(([left, top, width, height], index) => {
    const button = document.createElement("button");
    button.type = "button";
    for (const [name, value] of Object.entries({ left, top, width, height })) button.style[name] = `${value * 100}%`;
    button.setAttribute("aria-pressed", String(!error));
    button.setAttribute("aria-label", `Face ${index + 1} of ${boxes.length}`);
    const label = document.createElement("b");
    label.textContent = index + 1;
    if (boxes.length > 1) button.append(label);
    button.addEventListener("click", () => choose(file, index, boxes.length));
    faces.append(button);
  });
}

async function choose(file, index, count) {
  frame.value = "";
  chosen.value = count > 1 ? index : "";
  [...faces.children].forEach((button, at) => button.setAttribute("aria-pressed", String(at === index)));
  if (count > 1) await check(file, index);
}

function judge({ report: measures, blocked }) {
  const poor = measures.filter(({ level }) => level !== "good");
  if (blocked) tell([["wrong", "This photograph is too poor to use."], ...poor.map(({ advice }) => ["wrong", advice])]);
  else if (poor.length) tell(poor.map(({ advice }) => ["doubt", advice]));
  else tell([["good", "One clear face. This photograph can be used."]]);
}

function showReport(measures) {
  report.replaceChildren();
  if (!measures.length) return;
  const table = document.createElement("table");
  table.className = "measures";
  for (const { name, value, good, level } of measures) {
    const row = table.insertRow();
    row.className = level;
    for (const text of [name, value, `good: ${good}`]) row.insertCell().textContent = text;
  }
  report.append(table);
}

// Drawing a frame by hand: press, drag, release.
redraw.addEventListener("click", () => {
  chosen.value = "";
  faces.replaceChildren();
  viewfinder.classList.add("drawing");
  tell([["doubt", "Drag a frame closely around the whole head."]]);
});

viewfinder.addEventListener("pointerdown", (down) => {
  if (!viewfinder.classList.contains("drawing")) return;
  down.preventDefault();
  viewfinder.setPointerCapture(down.pointerId);
  const box = document.createElement("button");
  box.type = "button";
  box.setAttribute("aria-label", "The frame you drew");
  box.setAttribute("aria-pressed", "true");
  faces.replaceChildren(box);
  const from = shareOf(down);
  let drawn = null;
  const move = (event) => {
    const to = shareOf(event);
    drawn = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
    ["left", "top", "width", "height"].forEach((name, at) => {
      box.style[name] = `${drawn[at] * 100}%`;
    });
  };
  viewfinder.addEventListener("pointermove", move);
  viewfinder.addEventListener(
    "pointerup",
    async () => {
      viewfinder.removeEventListener("pointermove", move);
      if (!drawn || drawn[2] < 0.01 || drawn[3] < 0.01) return;
      viewfinder.classList.remove("drawing");
      frame.value = drawn.map((share) => share.toFixed(4)).join(",");
      await check(input.files[0], null);
    },
    { once: true },
  );
});

function shareOf(event) {
  const area = preview.getBoundingClientRect();
  return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height].map((share) =>
    Math.min(Math.max(share, 0), 0.999),
  );
}

function tell(lines) {
  verdict.replaceChildren(
    ...lines.map(([kind, text]) => {
      const line = document.createElement("p");
      line.className = kind;
      line.textContent = text;
      return line;
    }),
  );
}
