// Marks the quote that the address names: #120-180 are code points of the document's text.
import { marked } from "./js/quote.js";

function show() {
  const text = document.getElementById("text");
  const match = /^#(\d+)-(\d+)$/.exec(location.hash);
  const offset = Number(text.dataset.start);
  const [start, end] = match ? [Number(match[1]) - offset, Number(match[2]) - offset] : [0, 0];
  const { nodes, mark } = marked(text.textContent, start, end);
  text.replaceChildren(...nodes);
  if (mark) mark.scrollIntoView({ block: "center" });
}

addEventListener("hashchange", show);
show();
