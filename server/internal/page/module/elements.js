// The page works without this module. It writes sizes and dates as the reader does, filters while
// the reader types, shows files over the page, and sends files one by one with their progress. All
// it does are requests that every other client can make. It builds elements from names by
// textContent alone, never from markup.

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// el makes an element: properties that begin with on are listeners, true and false set or leave
// out an attribute.
function el(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value != null) e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c != null && c !== false));
  return e;
}
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}
const button = (text, onclick, kind = "") => el("button", {type: "button", class: "btn " + kind, onclick}, text);
const iconButton = (name, label, onclick) => el("button", {type: "button", class: "btn icon", "aria-label": label, title: label, onclick}, icon(name));

// renew replaces what a box has, and leaves the focus at the element of that name, or at the box.
function renew(box, ...content) {
  const nameOf = (e) => e.ariaLabel || e.textContent, at = document.activeElement, held = box.contains(at) ? nameOf(at) : null;
  box.replaceChildren(...content.filter((c) => c != null && c !== false));
  if (held !== null) ($$("a, button", box).find((e) => nameOf(e) === held) || box).focus();
}
const isolate = (text) => el("bdi", {}, text);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
