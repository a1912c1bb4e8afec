// Chains: which ones a collection has, and a run of one, step by step, with the trace of each step.

import { Problem, collectionPath, events, getJson, post } from "./api.js";
import { $, button, copyText, element, plural, show } from "./dom.js";

export const chosenChain = () => $("chain").value;

export async function offerChains(collection) {
  const { chains } = await getJson(collectionPath(collection) + "/chains");
  const usable = chains.filter((chain) => !chain.error);
  $("chain").replaceChildren(new Option("one search", ""), ...usable.map((chain) => new Option(chain.name, chain.name)));
  show("chain-choice", usable.length > 0);
}

function shownText(title, text) {
  const body = element("pre", "", text);
  body.tabIndex = 0;
  body.setAttribute("role", "region");
  body.setAttribute("aria-label", title);
  return element("section", "message", element("h4", "", title), body);
}

function stepItem(step) {
  const facts = [step.kind, step.status, `${Math.round(step.seconds * 1000)} ms`];
  if (step.model) facts.push(step.model);
  if (step.tokens.in) facts.push(plural(step.tokens.in + (step.tokens.out || 0), "token"));
  if (step.attempts > 1) facts.push(plural(step.attempts, "attempt"));
  const trace = element("details", "", element("summary", "", element("strong", "", step.name), " ", element("span", "meta", facts.join(" · "))));
  if (step.error) trace.append(element("p", "", step.error));
  trace.append(
    ...step.messages.map((message) => shownText(`${step.name}, prompt, ${message.role}`, message.content)),
    shownText(`${step.name}, output`, JSON.stringify(step.output, null, 2)),
  );
  return element("li", "step", trace);
}

// Ask with a chain; steps are added to the turn as they end. Returns the run.
export async function runChain(collection, turn, question, signal) {
  const steps = element("ol", "steps");
  steps.setAttribute("aria-label", "Steps");
  turn.box.insertBefore(steps, turn.cards);
  const path = `${collectionPath(collection)}/chains/${encodeURIComponent(chosenChain())}`;
  const response = await post(path, { question, stream: true }, signal);
  for await (const event of events(response)) {
    if (event.name === "step") steps.append(stepItem(event.data));
    if (event.name === "error") throw new Problem(event.data);
    if (event.name === "run") return event.data;
  }
  throw new Problem({ title: "The chain broke off", detail: "The connection ended before the chain did.", cure: "Ask again." });
}

export function traceButton(run) {
  return button("Copy the trace", "quiet", (event) => copyText(JSON.stringify(run, null, 2), event.currentTarget));
}

export const runFacts = (run) => `chain ${run.chain}, version ${run.version} · ${run.seconds.toFixed(2)} s · trace ${run.id}`;
