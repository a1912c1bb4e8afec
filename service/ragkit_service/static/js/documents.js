// The documents of a collection: list, filter, delete.

import { documentLink } from "./address.js";
import { collectionPath, getJson, request } from "./api.js";
import { $, button, element, plural, show, tell } from "./dom.js";

const PAGE = 50;
let collection = "";
let offset = 0;

function card(item) {
  const link = element("a", "source", item.title || item.source);
  link.href = documentLink(item.source);
  link.dataset.open = "document";
  const facts = [item.source, item.pages ? plural(item.pages, "page") : "", plural(item.chunks, "passage"), item.updated_at.slice(0, 10)];
  const box = element("li", "document",
    element("div", "names", link, element("span", "path", facts.filter(Boolean).join(" · "))));
  for (const words of item.warnings || []) box.append(element("p", "warning", words));
  const remove = button("Delete", "quiet danger", () => askToRemove(box, remove, item));
  remove.setAttribute("aria-label", `Delete ${item.source}`);
  box.append(element("div", "actions", remove));
  return box;
}

// A first press asks, a second one deletes: no dialog of the browser, which a strict policy may suppress.
function askToRemove(box, pressed, item) {
  if (pressed.dataset.sure) { remove(box, item); return; }
  pressed.dataset.sure = "yes";
  pressed.textContent = "Delete for good";
  setTimeout(() => { delete pressed.dataset.sure; pressed.textContent = "Delete"; }, 4000);
}

async function remove(box, item) {
  try {
    await request(`${collectionPath(collection)}/documents?source=${encodeURIComponent(item.source)}`, { method: "DELETE" });
    box.remove();
    await count();
  } catch (error) { tell(error); }
}

async function count() {
  const status = await getJson(collectionPath(collection));
  $("list-count").textContent = `${plural(status.documents, "document")}, ${plural(status.chunks, "passage")}`;
}

async function load({ more = false } = {}) {
  if (!collection) return;
  offset = more ? offset : 0;
  const query = new URLSearchParams({ limit: String(PAGE), offset: String(offset) });
  const prefix = $("find-prefix").value;
  if (prefix) query.set("prefix", prefix);
  const found = await getJson(`${collectionPath(collection)}/documents?${query}`);
  const cards = found.documents.map(card);
  if (more) $("documents").append(...cards);
  else $("documents").replaceChildren(...cards);
  if (!more && !cards.length) $("documents").append(element("li", "meta", prefix ? "No document begins like that." : "There is no document yet."));
  offset = found.next_offset || 0;
  show("more", found.next_offset !== null);
}

export async function showDocuments(name) {
  collection = name;
  if (!name) return;
  try {
    await Promise.all([load(), count()]);
  } catch (error) {
    if (error.status !== 404) tell(error);
    else $("documents").replaceChildren(element("li", "meta", "The collection is made by the first upload."));
  }
}

export function wireDocuments() {
  $("find").addEventListener("submit", (event) => { event.preventDefault(); load().catch(tell); });
  $("more").addEventListener("click", () => load({ more: true }).catch(tell));
}
