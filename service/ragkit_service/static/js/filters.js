// The filters of the form as the `where` of a request.

import { $, show } from "./dom.js";

const TYPES = [
  ["application/pdf", "PDF"],
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word"],
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel"],
  ["application/vnd.openxmlformats-officedocument.presentationml.presentation", "PowerPoint"],
  ["text/html", "web page"],
  ["text/markdown", "Markdown"],
  ["text/plain", "text"],
  ["text/csv", "CSV"],
  ["message/rfc822", "e-mail"],
];

function conditions() {
  const found = [];
  const prefix = $("filter-prefix").value.trim();
  if (prefix) found.push({ type: "prefix", key: "source", value: prefix });
  if ($("filter-type").value) found.push({ type: "eq", key: "media_type", value: $("filter-type").value });
  const key = $("filter-date-key").value;
  const day = { after: $("filter-after").value, before: $("filter-before").value };
  if (day.after) found.push({ type: "after", key, value: shifted(day.after, -1) });
  if (day.before) found.push({ type: "before", key, value: shifted(day.before, 1) });
  return found;
}

// Both ends of the range are meant, and `after` a day means after its end.
function shifted(day, days) {
  const date = new Date(day + "T00:00:00Z");
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

export function where() {
  const found = conditions();
  if (!found.length) return null;
  return found.length === 1 ? found[0] : { type: "and", filters: found };
}

export function wireFilters() {
  for (const [value, name] of TYPES) $("filter-type").append(new Option(name, value));
  $("filters").addEventListener("input", () => {
    const count = conditions().length;
    show("filters-set", count > 0);
    $("filters-set").textContent = `${count} set`;
  });
}
