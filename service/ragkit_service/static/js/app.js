// The page: which view is shown, which collection is used, and what the address says.

import { go, read, rememberCollection, viewLink } from "./address.js";
import { collectionPath, getJson } from "./api.js";
import { run, startAfresh, stop, useCollection, wireAsk } from "./ask.js";
import { offerChains } from "./chains.js";
import { chooseCollection, noCollection } from "./collection.js";
import { showDocuments, wireDocuments } from "./documents.js";
import { $, clearNotice, notice, plural, show, tell } from "./dom.js";
import { wireFilters } from "./filters.js";
import { wirePrompt } from "./prompt.js";
import { afterUploads, wireUploads } from "./uploads.js";
import { showDocument, wireViewer } from "./viewer.js";

const VIEWS = ["ask", "documents", "document"];
const select = $("collection");

function view() {
  const place = read();
  const name = VIEWS.includes(place.view) ? place.view : "ask";
  for (const other of VIEWS) show("view-" + other, other === name);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.href = viewLink(link.dataset.view);
  }
  document.title = name === "documents" ? "Documents · ragkit" : "ragkit";
  if (name === "documents") showDocuments(select.value);
  if (name === "document") showDocument(select.value, place.document, place.start, place.end);
}

async function contents() {
  if (!select.value) return;
  try {
    const status = await getJson(collectionPath(select.value));
    await offerChains(select.value);
    $("contents").textContent = `“${status.name}” holds ${plural(status.documents, "document")}, ${plural(status.chunks, "passage")}.`;
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

async function choose(name) {
  select.value = name;
  rememberCollection(name);
  useCollection(name);
  afterUploads(() => { showDocuments(name); contents().catch(tell); });
  chooseCollection(name);
  await contents();
}

async function start() {
  const place = read();
  const names = (await getJson("v1/collections")).collections;
  const all = names.length ? names : ["default"];
  select.replaceChildren(...all.map((name) => new Option(name, name)));
  select.disabled = all.length < 2;
  if (!names.length) notice("There is no collection yet", "Add documents first.", "Drop files under Documents, or run: ragkit ingest FOLDER");
  await choose(all.includes(place.collection) ? place.collection : all.includes("default") ? "default" : all[0]);
  view();
  $("question").value = place.question;
  if (place.question && place.view === "ask") await run("ask");
}

function wire() {
  wireAsk();
  wireFilters();
  wireDocuments();
  wireUploads();
  wireViewer();
  wirePrompt();
  select.addEventListener("change", () => {
    clearNotice();
    choose(select.value).then(() => { go(viewLink(read().view === "documents" ? "documents" : "ask")); view(); }).catch(tell);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-view], a[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // a new tab is the browser's
    event.preventDefault();
    if (link.dataset.view === "ask" && link.getAttribute("aria-current")) startAfresh();
    clearNotice();
    go(link.getAttribute("href"));
    view();
    $("main").focus({ preventScroll: true });
  });
  window.addEventListener("popstate", view);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
    if (event.key === "/" && document.activeElement === document.body) { event.preventDefault(); $("question").focus(); }
  });
}

wire();
start().catch((error) => { noCollection(error); tell(error); });
