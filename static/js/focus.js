// Change a list and keep the keyboard focus on the same row.
export function keepingFocus(within, name, change) {
  const row = within.contains(document.activeElement) ? document.activeElement.closest(`[data-${name}]`) : null;
  change();
  if (!row) return;
  const again = within.querySelector(`[data-${name}="${row.dataset[name]}"]`);
  (again?.querySelector("button") ?? again)?.focus({ preventScroll: true });
}
