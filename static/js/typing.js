// What a user has opened and typed in a piece of a page, for when the piece is replaced by a newer one.
export function typedIn(piece) {
  return [...piece.querySelectorAll("details[open]")].map((part) => ({
    title: titleOf(part),
    focus: part.contains(document.activeElement) ? document.activeElement.name : "",
    values: fieldsOf(part).map(({ name, type, value, checked }) => ({ name, type, value, checked })),
  }));
}

export function typeAgain(piece, opened) {
  for (const { title, focus, values } of opened) {
    const part = [...piece.querySelectorAll("details")].find((each) => titleOf(each) === title);
    if (!part) continue;
    part.open = true;
    for (const field of fieldsOf(part)) {
      const isChoice = ["radio", "checkbox"].includes(field.type);
      const before = values.find(({ name, value }) => name === field.name && (!isChoice || value === field.value));
      if (!before) continue;
      if (isChoice) field.checked = before.checked;
      else field.value = before.value;
    }
    if (focus) part.querySelector(`[name="${focus}"]`)?.focus({ preventScroll: true });
  }
}

function titleOf(part) {
  return part.querySelector("summary").textContent.trim();
}

// What is hidden is the page's own: it belongs to the newer piece.
function fieldsOf(part) {
  return [...part.querySelectorAll("input:not([type=hidden]), select, textarea")].filter(({ name }) => name);
}
