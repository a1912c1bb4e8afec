// Marks the quote that the address names: #120-180 are code points of the document's text.
"use strict";

function mark() {
  const text = document.getElementById("text");
  const match = /^#(\d+)-(\d+)$/.exec(location.hash);
  const points = Array.from(text.textContent);
  text.replaceChildren(points.join(""));
  if (!match) return;
  const offset = Number(text.dataset.start);
  const start = Math.max(0, Number(match[1]) - offset);
  const end = Math.min(points.length, Number(match[2]) - offset);
  if (start >= end) return;
  const quote = document.createElement("mark");
  quote.textContent = points.slice(start, end).join("");
  text.replaceChildren(points.slice(0, start).join(""), quote, points.slice(end).join(""));
  quote.scrollIntoView({ block: "center" });
}

addEventListener("hashchange", mark);
mark();
