// Pieces of the page that know nothing of conversations.

export const $ = (id) => document.getElementById(id);

/** Children that are strings become text, never markup. */
export function element(tag, className, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className }, properties);
  made.append(...children);
  return made;
}

export const avatar = (src, shape = "") => element("img", `avatar ${shape}`, { src, alt: "" });

export function label(name, id) {
  return element("span", "label", {}, element("strong", "", {}, name), element("span", "muted", {}, id));
}

/** Makes these the children, in this order, moving as few as possible. */
export function reconcile(parent, children) {
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
  while (parent.children.length > children.length) parent.lastChild.remove();
}

export const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const isToday = (date) => date.toDateString() === new Date().toDateString();
export const dayName = (date) =>
  isToday(date) ? "Today" : date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
export const shortTime = (at) =>
  isToday(new Date(at)) ? clock(at) : new Date(at).toLocaleDateString([], { day: "numeric", month: "short" });

let toasting = null;

export function toast(words) {
  clearTimeout(toasting);
  $("toast").textContent = words;
  $("toast").hidden = false;
  toasting = setTimeout(() => ($("toast").hidden = true), 5000);
}

/** A handler whose failure is shown. */
export const attempt = (work) => () => work().catch((error) => toast(error.message));
