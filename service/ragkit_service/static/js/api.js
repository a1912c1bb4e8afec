// Requests to the service: problems become errors with a cure, event streams become async iterators.

export class Problem extends Error {
  constructor(problem) {
    super(problem.title || "The request failed");
    this.detail = problem.detail || "";
    this.cure = problem.cure || "";
    this.files = problem.files || [];
    this.status = problem.status || 0;
  }
}

export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "The service does not answer", detail: "No connection could be made.", cure: "Try again." });
  }
  if (response.ok) return response;
  let problem = {};
  try { problem = await response.json(); } catch { problem = { detail: "HTTP status " + response.status }; }
  throw new Problem({ status: response.status, ...problem });
}

export async function getJson(path, signal) {
  return (await request(path, { signal, headers: { Accept: "application/json" } })).json();
}

export function post(path, body, signal) {
  return request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}

export const collectionPath = (name) => "v1/collections/" + encodeURIComponent(name);

// The events of a response: {name, data}. Comments keep the connection alive and are skipped.
export async function* events(response) {
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
      if (data) yield { name: name ? name.slice(7) : "message", data: JSON.parse(data) };
    }
  }
}
