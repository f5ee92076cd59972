// Ticks everybody on the page, or nobody.
const all = document.getElementById("all");
all?.addEventListener("click", () => {
  const boxes = [...document.querySelectorAll("#ticks input[name=person]")];
  const ticked = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = ticked;
  all.textContent = ticked ? "Tick nobody" : "Tick all on this page";
});
