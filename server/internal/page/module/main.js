// What the page has.

document.addEventListener("click", (e) => {
  const link = e.target.closest?.("#list tbody a, #mine tbody a");
  if (!link || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
  const row = link.closest("tr");
  if (row.closest("#mine")) {
    if (link.matches(".more")) { e.preventDefault(); showUpload(row); }
    return;
  }
  if (!isFile(row) || link.matches(".share")) return;
  if (link.matches(".more") || ["image", "audio", "video", "pdf", "text", "code"].includes(kindOf(row))) {
    e.preventDefault();
    show(row);
  }
});

const bar = $("#bar"), form = $("#bar .drop"), dropzone = $("#drop");
if (form) {
  form.replaceWith(el("button", {type: "button", class: "btn primary", onclick: () => pick(false)}, icon("upload"), "Upload"),
    "webkitdirectory" in HTMLInputElement.prototype ? button("Upload folder", () => pick(true), "wide") : "");
}
dropzone?.addEventListener("submit", (e) => {
  e.preventDefault();
  enqueue([...$("input", dropzone).files].map((file) => ({file, name: file.name})));
  dropzone.reset();
});
if (form || dropzone) takeDrops();
if (bar && $("#list tbody tr") && (canZip || can("delete"))) {
  bar.append(el("button", {type: "button", id: "select", class: "btn", "aria-pressed": "false", onclick: () => select(!selecting)}, icon("select"), "Select"));
}
