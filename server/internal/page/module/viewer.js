// One file: preview and actions.

const kindOf = (row) => $("use", row)?.getAttribute("href").slice(3);
const isFile = (row) => kindOf(row) !== "dir";
const maxText = 1 << 20;

function preview(row, kind, href) {
  const src = href, name = nameIn(row);
  switch (kind) {
    case "image": return el("img", {src, alt: name});
    case "audio": return el("audio", {src, controls: true, autoplay: true});
    case "video": return el("video", {src, controls: true, autoplay: true, playsinline: true});
    case "pdf": return el("iframe", {src: $(".more", row).getAttribute("href") + "&frame", title: name});
    case "text": case "code": {
      const pre = el("pre", {tabindex: "0"}, "Loading…");
      if (Number($("data", row)?.value) > maxText) {
        return null;
      }
      fetch(src).then((r) => (r.ok ? textOf(r) : words(r))).then((t) => { pre.textContent = t || "This file is empty."; }, () => { pre.textContent = "The file could not be loaded."; });
      return pre;
    }
  }
  return null;
}

// textOf reads no more than the page shows: the file may have grown since the list was made.
async function textOf(response) {
  const reader = response.body.getReader(), decoder = new TextDecoder();
  let text = "", length = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > maxText) {
      reader.cancel();
      return "This file is too large to be shown.";
    }
    text += decoder.decode(value, {stream: true});
  }
}

let viewer = null;
function show(row) {
  const rows = () => $$("#list tbody tr").filter((r) => isFile(r) && !r.hidden);
  const step = (by) => {
    const all = rows(), at = all.findIndex((r) => nameIn(r) === nameIn(row));
    const next = all[at + by];
    if (next) { row = next; fill(); }
  };
  if (!viewer) {
    viewer = el("dialog", {class: "viewer", tabindex: "-1", "aria-labelledby": "viewed", onclose: () => {
      viewer.remove();
      viewer = null;
      $("td a", rowOf(nameIn(row)))?.focus();
    }, onkeydown: (e) => {
      if (e.target.closest("audio, video, pre, input")) return;
      if (e.key === "ArrowLeft") step(-1);
      if (e.key === "ArrowRight") step(1);
    }});
    document.body.append(viewer);
  }
  const act = (work) => async () => {
    const changed = await work(row).catch((e) => tell("It was not done", e.message).then(() => false));
    if (changed) { viewer?.close(); refresh(); }
  };
  function fill() {
    const link = $("td a", row), href = link.getAttribute("href"), name = nameIn(row), all = rows();
    const at = all.findIndex((r) => nameIn(r) === name), media = preview(row, kindOf(row), href);
    const facts = [$("data", row), $("time", row)].filter(Boolean);
    renew(viewer,
      el("div", {class: "strip"},
        el("h2", {id: "viewed"}, isolate(name)),
        el("div", {class: "bar"},
          el("a", {class: "btn", href, download: name.split("/").pop()}, icon("download"), "Download"),
          can("move") && button("Rename or move", act(move)), can("write") && button("Make a copy", act(copy)), can("write") && button("Replace", act(replace)),
          $(".share", row) && el("a", {class: "btn", href: $(".share", row).getAttribute("href")}, "Share"),
          can("delete") && button("Delete", act(remove), "danger"),
          navigator.clipboard && window.isSecureContext && button("Copy link", async (e) => { await navigator.clipboard.writeText(new URL(href, location).href); e.target.textContent = "Copied"; })),
        el("div", {class: "nav"},
          at > 0 && iconButton("back", "Previous file", () => step(-1)), at < all.length - 1 && iconButton("next", "Next file", () => step(1)),
          iconButton("close", "Close", () => viewer.close()))),
      el("div", {class: "stage"}, media || el("div", {class: "none"}, icon(kindOf(row)), el("p", {}, "There is no preview of this file."))),
      el("p", {class: "quiet"}, ...facts.flatMap((f, i) => [i ? " · " : "", el("span", {title: f.title}, f.textContent)]), at >= 0 ? " · " + whole.format(at + 1) + " of " + files(all.length) : ""));
  }
  fill();
  if (!viewer.open) viewer.showModal();
}
