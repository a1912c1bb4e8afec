// The conversation: questions with their checked answers or passages, follow-ups, feedback, copies.

import { go, questionLink } from "./address.js";
import { Problem, collectionPath, events, post } from "./api.js";
import { chosenChain, runChain, runFacts, traceButton } from "./chains.js";
import { $, button, clearNotice, copyText, element, notice, show, tell } from "./dom.js";
import { where } from "./filters.js";
import { citationCards, hitCard, linkedText } from "./passages.js";
import { showPrompt } from "./prompt.js";

const STATUS = {
  answered: "each statement was found in the sources",
  partial: "some statements were found in the sources",
  unsupported: "not found in the sources",
  abstained: "not in the documents",
};
const TURNS_SENT = 12; // earlier messages that a follow-up carries

let running = null; // AbortController of the request at work
let history = []; // {role, content}, oldest first
let turns = 0;
let collection = "";

export function useCollection(name) {
  if (collection && collection !== name) startAfresh();
  collection = name;
}

export function startAfresh() {
  if (running) running.abort();
  history = [];
  $("conversation").replaceChildren();
  show("fresh", false);
  show("welcome", true);
  $("question-label").textContent = "Ask your documents";
}

// A place in the conversation for one question: what is put in later, under its own prefix of ids.
function newTurn(question) {
  turns += 1;
  const turn = {
    prefix: `turn-${turns}-source`,
    status: element("span", "badge working", "reading…"),
    text: element("div", "text busy"),
    meta: element("p", "meta"),
    tools: element("div", "tools"),
    cards: element("ol", "cards"),
  };
  turn.answer = element("section", "answer", element("div", "head", element("h3", "", "Answer"), turn.status), turn.text, turn.meta, turn.tools);
  turn.answer.setAttribute("aria-label", "Answer");
  turn.box = element("article", "turn", element("h2", "asked", question), turn.answer, turn.cards);
  $("conversation").append(turn.box);
  show("welcome", false);
  return turn;
}

function settle(turn, kind, words) {
  turn.status.className = "badge " + kind;
  turn.status.textContent = words;
  turn.text.classList.remove("busy");
}

function markdownOf(question, answer) {
  const lines = [`**${question}**`, "", answer.text, ""];
  const seen = new Set();
  for (const citation of answer.citations) {
    const key = `${citation.number}:${citation.start}:${citation.end}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const page = citation.page ? `, page ${citation.page}` : "";
    const heading = citation.heading ? `, ${citation.heading}` : "";
    lines.push(`- [${citation.number}] ${citation.source}${page}${heading}: “${citation.quote.replaceAll("\n", " ")}”`);
  }
  return lines.join("\n").trimEnd() + "\n";
}

function feedbackTools(question, answer) {
  const said = element("span", "meta");
  said.setAttribute("role", "status");
  const note = element("input");
  note.placeholder = "What is wrong, or what would be right?";
  note.maxLength = 2000;
  note.setAttribute("aria-label", "Note on this answer");
  const send = async (verdict) => {
    try {
      await post(`${collectionPath(collection)}/feedback`, {
        question, answer: answer.text, verdict, note: note.value, citations: answer.citations,
      });
      said.textContent = "Thank you. It is kept with the collection.";
    } catch (error) { tell(error); }
  };
  const wrong = element("form", "note", note, element("button", "quiet", "Send"));
  wrong.hidden = true;
  wrong.addEventListener("submit", (event) => { event.preventDefault(); wrong.hidden = true; send("bad"); });
  return [
    element("span", "meta", "Was this right?"),
    button("Yes", "quiet", () => { wrong.hidden = true; send("good"); }),
    button("No", "quiet", () => { wrong.hidden = false; note.focus(); }),
    wrong,
    said,
  ];
}

function showAnswer(turn, question, answer) {
  const doubtful = new Set(answer.citations.filter((item) => !item.supported).map((item) => item.number));
  turn.text.replaceChildren(...linkedText(answer.text, turn.prefix, doubtful));
  settle(turn, answer.status, STATUS[answer.status] || answer.status);
  const facts = [answer.model];
  if (answer.confidence < 0.5) facts.push("the passages found may not be about the question");
  if (answer.tokens.total) facts.push(`prompt of ${answer.tokens.total.toLocaleString("en")} tokens`);
  if (answer.removed.length) facts.push(`${answer.removed.length} unchecked part${answer.removed.length === 1 ? "" : "s"} removed`);
  turn.meta.textContent = facts.concat(answer.warnings || []).join(" · ");
  const filter = where();
  const earlier = history.slice(0, -2);
  turn.tools.append(
    button("Copy as Markdown", "quiet", (event) => copyText(markdownOf(question, answer), event.currentTarget)),
    button("Show the prompt", "quiet", () => showPrompt(collection, { question, where: filter, history: earlier })),
    ...feedbackTools(question, answer),
  );
  turn.cards.replaceChildren(...citationCards(answer.citations, turn.prefix));
}

async function ask(question, signal) {
  const turn = newTurn(question);
  const body = { question, stream: true, where: where(), history: history.slice(-TURNS_SENT) };
  let text = "";
  try {
    const response = await post(collectionPath(collection) + "/ask", body, signal);
    for await (const event of events(response)) {
      if (event.name === "delta") {
        text += event.data.text;
        turn.text.replaceChildren(...linkedText(text, turn.prefix, new Set()));
      }
      if (event.name === "error") throw new Problem(event.data);
      if (event.name === "answer") {
        history.push({ role: "user", content: question }, { role: "assistant", content: event.data.text });
        showAnswer(turn, question, event.data);
        return;
      }
    }
    throw new Problem({ title: "The answer broke off", detail: "The connection ended before the answer did.", cure: "Ask again." });
  } catch (error) {
    settle(turn, "abstained", signal.aborted ? "stopped" : "broke off");
    if (!text) turn.answer.hidden = true;
    throw error;
  }
}

async function askChain(question, signal) {
  const turn = newTurn(question);
  try {
    const run = await runChain(collection, turn, question, signal);
    if (run.status === "failed") throw new Problem({ title: "The chain failed", detail: run.error, cure: "Its steps say more." });
    history.push({ role: "user", content: question }, { role: "assistant", content: run.text });
    if (run.answer) showAnswer(turn, question, run.answer);
    else {
      turn.text.textContent = run.text;
      settle(turn, "", "made by the chain's rules");
    }
    turn.meta.textContent = [turn.meta.textContent, runFacts(run)].filter(Boolean).join(" · ");
    turn.tools.append(traceButton(run));
  } catch (error) {
    settle(turn, "abstained", signal.aborted ? "stopped" : "failed");
    throw error;
  }
}

async function search(question, signal) {
  const turn = newTurn(question);
  turn.answer.hidden = true;
  const found = await (await post(collectionPath(collection) + "/search", { query: question, k: 10, where: where() }, signal)).json();
  const took = `${found.hits.length} found in ${Math.max(1, Math.round(found.took_ms))} ms`;
  turn.box.insertBefore(element("p", "meta", [took, ...(found.warnings || [])].join(" · ")), turn.cards);
  turn.cards.replaceChildren(...found.hits.map((hit) => hitCard(hit, turn.prefix)));
  if (!found.hits.length) notice("Nothing was found", "No passage matches the question.", "");
}

export async function run(kind) {
  const field = $("question");
  const question = field.value.trim();
  if (!question) { field.focus(); return; }
  if (running) running.abort();
  const mine = running = new AbortController();
  clearNotice();
  show("stop", true);
  go(questionLink(question), { replace: true });
  try {
    await (kind === "search" ? search : chosenChain() ? askChain : ask)(question, mine.signal);
    field.value = "";
    show("fresh", true);
    $("question-label").textContent = "Ask on, or ask something else";
  } catch (error) {
    if (!mine.signal.aborted) tell(error);
  } finally {
    if (running === mine) { running = null; show("stop", false); }
  }
}

export function stop() {
  if (running) running.abort();
}

export function wireAsk() {
  const field = $("question");
  $("form").addEventListener("submit", (event) => { event.preventDefault(); run("ask"); });
  $("search").addEventListener("click", () => run("search"));
  $("stop").addEventListener("click", () => { stop(); field.focus(); });
  $("fresh").addEventListener("click", () => { startAfresh(); field.focus(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
  });
}
