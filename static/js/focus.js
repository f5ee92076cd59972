// Change a list without taking the keyboard's place in it: the row in focus is the row in focus afterwards.
export function keepingFocus(within, name, change) {
  const row = within.contains(document.activeElement) ? document.activeElement.closest(`[data-${name}]`) : null;
  change();
  if (!row) return;
  const again = within.querySelector(`[data-${name}="${row.dataset[name]}"]`);
  (again?.querySelector("button") ?? again)?.focus({ preventScroll: true });
}
