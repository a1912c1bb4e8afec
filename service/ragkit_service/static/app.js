"use strict";
// The page's only script. Everything that comes from the service is put in as text, never as markup.

const $ = (id) => document.getElementById(id);
const form = $("form"), question = $("question"), collection = $("collection");
let running = null; // AbortController of the request at work

// ------------------------------------------------------------- small helpers

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function show(id, visible) {
  $(id).hidden = !visible;
}

function notice(title, detail, cure) {
  const box = $("notice");
  box.replaceChildren(element("strong", "", title), document.createTextNode([detail, cure].filter(Boolean).join(" — ")));
  box.hidden = false;
}

function base() {
  return "v1/collections/" + encodeURIComponent(collection.value);
}

class Problem extends Error {
  constructor(problem) {
    super(problem.title || "The request failed");
    this.detail = problem.detail || "";
    this.cure = problem.cure || "";
  }
}

async function request(path, options) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  if (response.ok) return response;
  let problem = {};
  try { problem = await response.json(); } catch { problem = { detail: "HTTP status " + response.status }; }
  throw new Problem(problem);
}

function post(path, body, signal) {
  return request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}

// ---------------------------------------------------------------- collections

async function loadCollections() {
  const names = (await (await request("v1/collections")).json()).collections;
  collection.replaceChildren(...names.map((name) => new Option(name, name)));
  collection.disabled = names.length < 2;
  if (names.includes("default")) collection.value = "default";
  const wanted = new URLSearchParams(location.search).get("collection");
  if (names.includes(wanted)) collection.value = wanted;
  if (!names.length) {
    notice("There is no collection yet", "Add documents first.", "ragkit ingest FOLDER");
    for (const id of ["ask", "search"]) $(id).disabled = true;
    return;
  }
  await loadContents();
}

async function loadContents() {
  const status = await (await request(base())).json();
  const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  $("contents").textContent = `“${status.name}” holds ${plural(status.documents, "document")}, ${plural(status.chunks, "passage")}.`;
}

// ------------------------------------------------------------------- passages

function placeOf(item) {
  const line = element("div", "place"), names = element("div", "names");
  names.append(element("span", "source", item.title || item.source));
  const page = item.page === null || item.page === undefined ? "" : `page ${item.page}`;
  const label = page && item.page_label && item.page_label !== String(item.page) ? ` (printed ${item.page_label})` : "";
  const parts = [item.title && item.title !== item.source ? item.source : "", page + label, item.heading || ""];
  names.append(element("span", "path", parts.filter(Boolean).join(" · ")));
  line.append(element("span", "number", String(item.number)), names);
  return line;
}

function showPassages(items, count) {
  $("passages").replaceChildren(...items);
  $("count").textContent = count;
  show("sources", items.length > 0);
}

function hitItem(hit) {
  const item = element("li");
  item.id = "source-" + hit.rank;
  item.append(placeOf({ ...hit, number: hit.rank }));
  const long = hit.text.length > 900 || hit.text.split("\n").length > 10;
  const text = element("p", long ? "passage long" : "passage", hit.text);
  if (long) text.tabIndex = 0; // so that it scrolls by keyboard
  item.append(text, element("p", "meta", `score ${hit.score.toFixed(2)}`));
  return item;
}

function citedItems(citations) {
  const places = new Map();
  for (const citation of citations) {
    const known = places.get(citation.number) || [];
    if (!known.some((other) => other.start === citation.start && other.end === citation.end)) known.push(citation);
    places.set(citation.number, known);
  }
  return [...places.entries()].sort((a, b) => a[0] - b[0]).map(([number, quotes]) => {
    const item = element("li");
    item.id = "source-" + number;
    item.append(placeOf({ ...quotes[0], number }));
    for (const quote of quotes) item.append(element("blockquote", quote.supported ? "" : "doubtful", quote.quote));
    return item;
  });
}

// --------------------------------------------------------------------- answer

function showText(text, doubtful) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)) {
    parts.push(document.createTextNode(text.slice(end, match.index)));
    for (const number of match[1].split(",").map((digits) => Number(digits))) {
      const link = element("a", doubtful.has(number) ? "cite doubt" : "cite", String(number));
      link.href = "#source-" + number;
      link.setAttribute("aria-label", "source " + number);
      parts.push(link);
    }
    end = match.index + match[0].length;
  }
  parts.push(document.createTextNode(text.slice(end)));
  $("text").replaceChildren(...parts);
}

const STATUS = {
  answered: "supported by the sources",
  partial: "partly supported",
  unsupported: "not supported by the sources",
  abstained: "not in the documents",
};

function showAnswer(answer) {
  const doubtful = new Set(answer.citations.filter((item) => !item.supported).map((item) => item.number));
  showText(answer.text, doubtful);
  setStatus(answer.status, STATUS[answer.status] || answer.status);
  const facts = [answer.model, `confidence ${answer.confidence.toFixed(2)}`];
  if (answer.tokens.total) facts.push(`prompt of ${answer.tokens.total.toLocaleString("en")} tokens`);
  if (answer.removed.length) facts.push(`${answer.removed.length} unchecked part${answer.removed.length === 1 ? "" : "s"} removed`);
  $("meta").textContent = facts.join(" · ");
  const items = citedItems(answer.citations);
  showPassages(items, `${items.length} cited`);
}

function setStatus(kind, text) {
  $("status").className = "badge " + kind;
  $("status").textContent = text;
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    for (let cut; (cut = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(cut + 2)) {
      const lines = buffer.slice(0, cut).split("\n");
      const name = lines.find((line) => line.startsWith("event: "));
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (name && data) yield { name: name.slice(7), data: JSON.parse(data) };
    }
  }
}

async function ask(signal) {
  $("text").replaceChildren();
  $("text").classList.add("busy");
  $("meta").textContent = "";
  setStatus("working", "reading…");
  show("answer", true);
  let text = "";
  try {
    const response = await post(base() + "/ask", { question: question.value, stream: true }, signal);
    for await (const event of events(response)) {
      if (event.name === "delta") { text += event.data.text; showText(text, new Set()); }
      if (event.name === "answer") { showAnswer(event.data); return; }
      if (event.name === "error") throw new Problem(event.data);
    }
    throw new Problem({ title: "The answer broke off", detail: "The connection ended before the answer did.", cure: "Ask again." });
  } catch (error) {
    setStatus("abstained", signal.aborted ? "stopped" : "broke off");
    if (!text) show("answer", false);
    throw error;
  } finally {
    $("text").classList.remove("busy");
  }
}

async function search(signal) {
  show("answer", false);
  const found = await (await post(base() + "/search", { query: question.value, k: 10 }, signal)).json();
  showPassages(found.hits.map(hitItem), `${found.hits.length} found in ${Math.max(1, Math.round(found.took_ms))} ms`);
  if (!found.hits.length) notice("Nothing was found", "No passage matches the question.", "");
}

// ---------------------------------------------------------------------- wiring

async function run(action) {
  if (running) running.abort();
  if (!question.value.trim()) { question.focus(); return; }
  const mine = running = new AbortController();
  for (const id of ["notice", "sources", "welcome"]) show(id, false);
  show("stop", true);
  try {
    await action(mine.signal);
  } catch (error) {
    if (!mine.signal.aborted) notice(error.message, error.detail || "", error.cure || "");
  } finally {
    if (running === mine) { running = null; show("stop", false); }
  }
}

form.addEventListener("submit", (event) => { event.preventDefault(); run(ask); });
$("search").addEventListener("click", () => run(search));
$("stop").addEventListener("click", () => { if (running) running.abort(); question.focus(); });
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) running.abort();
  if (event.key === "/" && document.activeElement === document.body) { event.preventDefault(); question.focus(); }
});
collection.addEventListener("change", () => { loadContents().catch((error) => notice(error.message, error.detail, error.cure)); });
loadCollections().catch((error) => notice(error.message, error.detail, error.cure));
