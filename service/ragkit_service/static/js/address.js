// What the page's address says: the view, the collection, the question, and a document with a place in it.

export function documentId(source) {
  const bytes = new TextEncoder().encode(source);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return "d_" + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function read() {
  const values = new URLSearchParams(location.search);
  const place = /^#(\d+)-(\d+)$/.exec(location.hash);
  return {
    view: values.get("view") || (values.has("document") ? "document" : "ask"),
    collection: values.get("collection") || "",
    question: values.get("q") || "",
    document: values.get("document") || "",
    start: place ? Number(place[1]) : null,
    end: place ? Number(place[2]) : null,
  };
}

let chosen = "";
export function rememberCollection(name) {
  chosen = name;
}

function query(values) {
  const kept = Object.entries({ collection: chosen, ...values }).filter(([, value]) => value);
  return "?" + new URLSearchParams(kept).toString();
}

export function viewLink(view) {
  return query({ view });
}

export function questionLink(question) {
  return query({ view: "ask", q: question });
}

export function documentLink(source, start, end) {
  const place = start === undefined || start === null ? "" : `#${start}-${end}`;
  return query({ view: "document", document: documentId(source) }) + place;
}

export function go(link, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", link);
}
