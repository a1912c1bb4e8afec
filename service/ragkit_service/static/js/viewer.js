// One document: its text around a place, the quote marked, and for a PDF the page as a picture beside it.

import { collectionPath, getJson } from "./api.js";
import { $, clearNotice, plural, show, tell } from "./dom.js";
import { marked } from "./quote.js";

const AROUND = 3000; // code points of text on either side of the place
const WINDOW = 20000; // of a page, or of a document without pages
let open = null; // {path, start, end, page, pages}

function fill(found) {
  const [start, end] = open.start === null ? [0, 0] : [open.start - found.start, open.end - found.start];
  const { nodes, mark } = marked(found.text, start, end);
  $("document-text").replaceChildren(...nodes);
  if (mark) mark.scrollIntoView({ block: "center" });
  else $("document-text").scrollTop = 0;
}

function pageAt(table, offset) {
  let page = 1;
  table.forEach((item, number) => { if (item.start <= offset) page = number + 1; });
  return page;
}

function picture(found) {
  show("page-picture", false);
  if (found.media_type !== "application/pdf" || !open.pages) return;
  const image = $("page-picture").querySelector("img");
  image.onload = () => show("page-picture", true);
  image.onerror = () => show("page-picture", false);
  image.alt = `Page ${open.page} of ${found.source}`;
  image.src = `${open.path}/pages/${open.page}/image`;
}

async function load(query) {
  const found = await getJson(`${open.path}?${new URLSearchParams(query)}`);
  open.pages = found.page_table.length;
  if (open.page === null && open.pages) open.page = pageAt(found.page_table, open.start ?? 0);
  $("document-title").textContent = found.title || found.source;
  document.title = `${found.title || found.source} · ragkit`;
  $("document-facts").textContent = [found.source, found.pages ? plural(found.pages, "page") : "", ...found.warnings].filter(Boolean).join(" · ");
  show("document-pages", open.pages > 1);
  if (open.pages) {
    const label = found.page_table[open.page - 1]?.label;
    $("page-label").textContent = `Page ${open.page} of ${open.pages}${label && label !== String(open.page) ? ` (printed ${label})` : ""}`;
    $("page-before").disabled = open.page <= 1;
    $("page-after").disabled = open.page >= open.pages;
  }
  fill(found);
  picture(found);
  return found;
}

async function turn(step) {
  const found = await getJson(`${open.path}?${new URLSearchParams({ start: "0", length: "1" })}`);
  open.page = Math.min(Math.max(1, open.page + step), found.page_table.length);
  open.start = open.end = null;
  const start = found.page_table[open.page - 1].start;
  const next = found.page_table[open.page]?.start ?? found.characters;
  await load({ start: String(start), length: String(Math.min(WINDOW, Math.max(1, next - start))) });
}

export async function showDocument(collection, id, start, end) {
  clearNotice();
  open = { path: `${collectionPath(collection)}/documents/${encodeURIComponent(id)}`, start, end, page: null, pages: 0 };
  $("document-title").textContent = "";
  $("document-text").replaceChildren();
  const from = start === null ? 0 : Math.max(0, start - AROUND);
  const length = start === null ? WINDOW : end - from + AROUND;
  try {
    await load({ start: String(from), length: String(length) });
    $("document-title").focus?.();
  } catch (error) { tell(error); }
}

export function wireViewer() {
  $("document-close").addEventListener("click", () => history.back());
  $("page-before").addEventListener("click", () => turn(-1).catch(tell));
  $("page-after").addEventListener("click", () => turn(1).catch(tell));
}
