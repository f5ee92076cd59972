// Updates the progress of an import every second while it runs, and reloads the page when its state changes.
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
    // The server did not answer. Try again.
  }
}
