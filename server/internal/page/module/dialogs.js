// Dialogs.

// ask shows a dialog and returns the value of the button that closed it, "" for none. fill may
// add elements to it.
function ask(title, fill, buttons) {
  return new Promise((resolve) => {
    const form = el("form", {method: "dialog", class: "card"}, el("h2", {id: "ask"}, title));
    fill(form);
    form.append(el("div", {class: "ends"}, ...buttons.map(([value, text, kind]) => el("button", {value, class: "btn " + (kind || ""), formnovalidate: value === ""}, text))));
    const d = el("dialog", {"aria-labelledby": "ask", onclose: () => { d.remove(); resolve(d.returnValue); }}, form);
    document.body.append(d);
    d.showModal();
  });
}
const tell = (title, text) => ask(title, (f) => f.append(el("p", {}, text)), [["ok", "Close", "primary"]]);
const para = (...parts) => el("p", {}, ...parts);
