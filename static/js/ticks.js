// Selects everyone on the page, or clears the selection.
const all = document.getElementById("all");
all?.addEventListener("click", () => {
  const boxes = [...document.querySelectorAll("#ticks input[name=person]")];
  const ticked = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = ticked;
  all.textContent = ticked ? "Clear selection" : "Select all on this page";
});
