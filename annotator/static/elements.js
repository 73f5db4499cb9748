// Elements made in the page. Text is only ever put in as text.

const SVG = "http://www.w3.org/2000/svg";

// An element with a class, or with properties ({ type: "search" }); `content` is text and elements.
export function make(tag, what = "", ...content) {
  const made = document.createElement(tag);
  if (typeof what !== "string") Object.assign(made, what);
  else if (what) made.className = what;
  made.append(...content);
  return made;
}

// A button that does something: `act()`.
export function button(text, act, name = "") {
  const made = make("button", name, text);
  made.type = "button";
  made.addEventListener("click", () => act());
  return made;
}

// An element of a drawing, with attributes ({ class: "cl-box", x: 3 }).
export function shape(tag, values = {}, ...content) {
  const made = document.createElementNS(SVG, tag);
  attributes(made, values);
  made.append(...content);
  return made;
}

export function attributes(node, values) {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
}
