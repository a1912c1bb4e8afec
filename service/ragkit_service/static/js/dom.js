// Small helpers for elements. Everything that comes from the service is put in as text, never as markup.

export const $ = (id) => document.getElementById(id);

export function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content.filter((part) => part !== undefined && part !== null && part !== ""));
  return made;
}

export function button(text, className, action) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

export function show(id, visible) {
  $(id).hidden = !visible;
}

export function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

export function notice(title, detail, cure) {
  const box = $("notice");
  box.replaceChildren(element("strong", "", title), [detail, cure].filter(Boolean).join(" — "));
  box.hidden = false;
}

export function clearNotice() {
  show("notice", false);
}

export function tell(error) {
  notice(error.message, error.detail || "", error.cure || "");
}

export async function copyText(text, from) {
  const label = from.textContent;
  try {
    await navigator.clipboard.writeText(text);
    from.textContent = "Copied";
  } catch {
    from.textContent = "Your browser does not allow it";
  }
  setTimeout(() => { from.textContent = label; }, 1600);
}
