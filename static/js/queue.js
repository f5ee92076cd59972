// The console's queue. However many events arrive, one fetch runs and at most one more follows it.
import { fetchPiece, fragment } from "./fetching.js";
import { keepingFocus } from "./focus.js";
import { learnTime } from "./time.js";

// The most rows that one fetch may name. For more, the whole queue is fetched.
const MOST_ROWS = 100,
  LONGEST_PART = 200;

// Keep the queue below `place` up to date. `gone` is called with the id of a row that was named and is not there;
// `settle` after each change. Returns `want(id)`, which fetches one row, and `refresh()`, which fetches all.
export function keepQueue(place, base, { gone, settle }) {
  const missing = new Set();
  let isFetching = false,
    isAllWanted = false;

  function want(id) {
    missing.add(id);
    fetchMissing();
  }

  function refresh() {
    isAllWanted = true;
    return fetchMissing();
  }

  async function fetchMissing() {
    if (isFetching || (!isAllWanted && !missing.size)) return;
    isFetching = true;
    const whole = isAllWanted || missing.size > MOST_ROWS;
    const ids = [...missing];
    isAllWanted = false;
    missing.clear();
    const url = whole ? `${base}queue/` : `${base}rows/?ids=${ids.join(",")}`;
    const { html, ...trip } = await fetchPiece(url, "queue");
    isFetching = false;
    if (html === undefined) {
      // Nothing is lost: the next event or timer fetches the whole queue.
      isAllWanted = true;
      return;
    }
    const fresh = fragment(html);
    learnTime(fresh.firstElementChild, trip);
    keepingFocus(place, "id", () => (whole ? place.replaceChildren(fresh) : putRows(ids, fresh)));
    settle();
    fetchMissing();
  }

  function putRows(ids, fresh) {
    const rows = [...fresh.querySelectorAll("li[data-id]")];
    const found = new Set(rows.map(({ dataset }) => dataset.id));
    for (const id of ids) if (!found.has(id)) gone(id);
    rows.forEach(putRow);
    for (const { dataset, textContent } of fresh.querySelectorAll("[data-count]")) {
      const count = place.querySelector(`[data-count="${dataset.count}"]`);
      if (count) count.textContent = textContent;
    }
  }

  function putRow(row) {
    document.getElementById(row.id)?.remove();
    const part = place.querySelector(`[data-rows="${row.dataset.section}"]`);
    if (!part) return;
    const after = [...part.children].find((other) => other.dataset.order > row.dataset.order);
    part.insertBefore(row, after ?? null);
    if (part.children.length > LONGEST_PART) part.lastElementChild.remove();
  }

  return { want, refresh };
}
