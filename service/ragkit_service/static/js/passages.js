// Passages and citations as cards; each leads to its document at the quote.

import { documentLink } from "./address.js";
import { element } from "./dom.js";

function placeOf(item, number) {
  const page = item.page === null || item.page === undefined ? "" : `page ${item.page}`;
  const label = page && item.page_label && item.page_label !== String(item.page) ? ` (printed ${item.page_label})` : "";
  const parts = [item.title && item.title !== item.source ? item.source : "", page + label, item.heading || ""];
  const link = element("a", "source", item.title || item.source);
  link.href = documentLink(item.source, item.start, item.end);
  link.dataset.open = "document";
  const names = element("div", "names", link, element("span", "path", parts.filter(Boolean).join(" · ")));
  return element("div", "place", element("span", "number", String(number)), names);
}

function scoreLine(hit) {
  const parts = Object.entries(hit.scores || {}).map(([name, value]) => `${name} ${Number(value).toFixed(2)}`);
  return element("p", "meta", `score ${hit.score.toFixed(2)}` + (parts.length ? ` (${parts.join(", ")})` : ""));
}

export function hitCard(hit, prefix) {
  const card = element("li");
  card.id = `${prefix}-${hit.rank}`;
  const long = hit.text.length > 900 || hit.text.split("\n").length > 10;
  const text = element("p", long ? "passage long" : "passage", hit.text);
  if (long) {
    text.tabIndex = 0; // so that it scrolls by keyboard
    text.setAttribute("role", "region");
    text.setAttribute("aria-label", `Passage ${hit.rank}`);
  }
  card.append(placeOf(hit, hit.rank), text, scoreLine(hit));
  return card;
}

const VERDICTS = {
  quoted: "quote verified",
  supported: "each part was found in this passage",
  unclear: "not verified: the words do not settle it",
  contradicted: "the passage says otherwise",
};

function quoteOf(citation) {
  const quote = element("blockquote", "verdict-" + citation.verdict, citation.quote);
  const words = [VERDICTS[citation.verdict] || citation.verdict];
  if (citation.matched) words.push("matched, not cited by the model");
  if (citation.reason) words.push(citation.reason);
  quote.append(element("footer", "", words.join(" · ")));
  return quote;
}

export function citationCards(citations, prefix) {
  const places = new Map();
  for (const citation of citations) {
    const known = places.get(citation.number) || [];
    if (!known.some((other) => other.start === citation.start && other.end === citation.end)) known.push(citation);
    places.set(citation.number, known);
  }
  return [...places.entries()].sort((a, b) => a[0] - b[0]).map(([number, quotes]) => {
    const card = element("li");
    card.id = `${prefix}-${number}`;
    card.append(placeOf(quotes[0], number), ...quotes.map(quoteOf));
    return card;
  });
}

// The text of an answer with its numbers as links to the cards below it.
export function linkedText(text, prefix, doubtful) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)) {
    parts.push(document.createTextNode(text.slice(end, match.index)));
    for (const number of match[1].split(",").map(Number)) {
      const link = element("a", doubtful.has(number) ? "cite doubt" : "cite", String(number));
      link.href = `#${prefix}-${number}`;
      link.setAttribute("aria-label", "source " + number);
      parts.push(link);
    }
    end = match.index + match[0].length;
  }
  parts.push(document.createTextNode(text.slice(end)));
  return parts;
}
