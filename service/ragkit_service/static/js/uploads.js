// Files and folders into the collection: dropped or chosen, sent as one upload, watched as a job.

import { collectionPath, events, request } from "./api.js";
import { collectionInUse } from "./collection.js";
import { $, button, element, plural, show, tell } from "./dom.js";

const AT_ONCE = 30; // files a request
let done = () => {};

export function afterUploads(action) {
  done = action;
}

// Every file below what was dropped, with its path: {file, name}.
async function filesOf(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: path + file.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // 100 at most a call
    if (!some.length) return found;
    for (const inner of some) found.push(...await filesOf(inner, `${path}${entry.name}/`));
  }
}

async function dropped(event) {
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) found.push(...await filesOf(entry));
  return found.length ? found : [...event.dataTransfer.files].map((file) => ({ file, name: file.name }));
}

async function send(files) {
  const path = `${collectionPath(await collectionInUse())}/documents`;
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const body = new FormData();
    for (const { file, name } of files.slice(at, at + AT_ONCE)) body.append("files", file, name);
    const response = await request(path, { method: "POST", body, headers: { Accept: "application/json" } });
    watch(await response.json());
  }
}

function fileLine(file) {
  const words = [file.status];
  if (file.chunks) words.push(plural(file.chunks, "passage"));
  if (file.detail) words.push(file.detail);
  const bad = file.status === "failed" || file.status === "skipped";
  return element("li", bad ? "failed" : "", element("span", "source", file.name), element("span", "path", words.join(" · ")));
}

function fill(card, job) {
  const finished = job.files.filter((file) => file.status !== "queued").length;
  card.state.textContent = job.state;
  card.state.className = "badge " + (job.state === "failed" ? "abstained" : job.state === "completed" ? "answered" : "working");
  card.progress.max = Math.max(1, job.files.length);
  card.progress.value = finished;
  card.files.replaceChildren(...job.files.slice(0, 200).map(fileLine));
  card.stop.hidden = ["completed", "failed", "cancelled"].includes(job.state);
}

async function watch(job) {
  const card = { state: element("span", "badge"), progress: element("progress"), files: element("ul", "files") };
  card.progress.setAttribute("aria-label", "Files read");
  card.stop = button("Cancel", "quiet", () => request(`v1/jobs/${job.id}`, { method: "DELETE" }).catch(tell));
  const head = element("div", "head", element("h3", "", plural(job.files.length, "file")), card.state, card.stop);
  $("jobs").prepend(element("li", "job", head, card.progress, card.files));
  show("jobs-section", true);
  fill(card, job);
  try {
    const response = await request(`v1/jobs/${job.id}/events`, { headers: { Accept: "text/event-stream" } });
    for await (const event of events(response)) {
      if (event.data.files) fill(card, event.data);
    }
  } catch (error) { tell(error); }
  done();
}

function take(files) {
  if (files.length) send(files).catch(tell);
}

export function wireUploads() {
  const area = $("drop");
  area.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => { event.preventDefault(); area.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => { event.preventDefault(); dropped(event).then(take).catch(tell); });
  for (const id of ["files", "folder"]) {
    $(id).addEventListener("change", (event) => {
      take([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
      event.target.value = "";
    });
  }
}
