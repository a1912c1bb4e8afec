// A text with a mark around a quote. Offsets count code points, as the service's do, and not UTF-16 units, as strings do.

// Returns the nodes of the text, and the mark, null where [start, end) holds nothing of the text.
export function marked(text, start, end) {
  const points = Array.from(text);
  const from = Math.max(0, start);
  const to = Math.min(points.length, end);
  if (from >= to) return { nodes: [text], mark: null };
  const mark = document.createElement("mark");
  mark.textContent = points.slice(from, to).join("");
  return { nodes: [points.slice(0, from).join(""), mark, points.slice(to).join("")], mark };
}
