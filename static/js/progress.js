// Shows an import's progress anew every second while it moves; when its state changes, the whole page.
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

for (let shown = document.getElementById("progress"); "moving" in shown.dataset; ) {
  await wait(1000);
  try {
    const text = await (await fetch(location.href)).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("progress");
    if (!fresh) break;
    if (!("moving" in fresh.dataset)) location.reload();
    shown.replaceWith(document.adoptNode(fresh));
    shown = fresh;
  } catch {
    // The server does not answer: it is asked again.
  }
}
