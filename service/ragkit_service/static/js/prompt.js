// The exact prompt of a question, and where its tokens go.

import { collectionPath, post } from "./api.js";
import { $, button, copyText, element, plural, tell } from "./dom.js";

const PARTS = { system: "rules", history: "conversation", examples: "examples", passages: "sources", sources: "sources", question: "question" };

function bar(prompt) {
  const used = Object.entries(prompt.tokens).filter(([name, count]) => name !== "total" && count > 0);
  const total = prompt.tokens.total || used.reduce((sum, [, count]) => sum + count, 0);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 1000 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "budget");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${plural(total, "token")} of ${prompt.budget.toLocaleString("en")}`);
  let at = 0;
  used.forEach(([, count], number) => {
    const width = Math.max(2, (count / prompt.budget) * 1000);
    const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ x: at, y: 0, width: Math.min(width, 1000 - at), height: 24 })) part.setAttribute(name, String(value));
    part.setAttribute("class", `part-${number % 5}`);
    svg.append(part);
    at += width;
  });
  const legend = element("ul", "legend", ...used.map(([name, count], number) =>
    element("li", `part-${number % 5}`, `${PARTS[name] || name}: ${count.toLocaleString("en")}`)));
  const words = `${plural(total, "token")} of ${prompt.budget.toLocaleString("en")} (${prompt.encoding}${prompt.estimated ? ", estimated" : ""})`;
  return [element("p", "meta", words), svg, legend];
}

export async function showPrompt(collection, body) {
  try {
    const prompt = await (await post(collectionPath(collection) + "/prompt", body)).json();
    const whole = prompt.messages.map((message) => `${message.role}:\n${message.content}`).join("\n\n");
    const messages = prompt.messages.map((message) => {
      const text = element("pre", "", message.content);
      text.tabIndex = 0;
      return element("section", "message", element("h3", "", message.role), text);
    });
    $("prompt-body").replaceChildren(
      ...bar(prompt), button("Copy", "quiet", (event) => copyText(whole, event.currentTarget)), ...messages);
    $("prompt-dialog").showModal();
  } catch (error) { tell(error); }
}

export function wirePrompt() {
  $("prompt-close").addEventListener("click", () => $("prompt-dialog").close());
}
