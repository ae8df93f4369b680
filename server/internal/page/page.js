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
const isolate = (text) => el("bdi", {}, text);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- sizes and dates

const whole = new Intl.NumberFormat();
const shortTime = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
const longTime = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "long"});
const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
const formats = units.map((unit, i) => new Intl.NumberFormat(undefined, {style: "unit", unit, unitDisplay: i ? "short" : "long", maximumFractionDigits: 1}));
function size(n) {
  let unit = 0;
  for (; n >= 999.95 && unit < units.length - 1; unit++) n /= 1000;
  return formats[unit].format(unit ? n : Math.round(n));
}
const files = (n) => whole.format(n) + (n === 1 ? " file" : " files");

function localizeAll(within) {
  for (const d of $$("data", within)) {
    const n = Number(d.value);
    d.textContent = size(n);
    d.title = whole.format(n) + (n === 1 ? " byte" : " bytes");
  }
  for (const t of $$("time", within)) {
    const at = new Date(t.dateTime);
    t.textContent = shortTime.format(at);
    t.title = longTime.format(at);
  }
  for (const u of $$("[data-utc]", within)) u.remove();
  // Long names may break after what separates their parts.
  for (const b of $$("td bdi", within)) {
    if (b.textContent.length > 24 && /[_.\-][^ ]{8}/.test(b.textContent)) b.replaceChildren(...b.textContent.split(/(?<=[_.\-])/).flatMap((part) => [part, document.createElement("wbr")]));
  }
}
// localize takes long lists in parts, so that the page answers meanwhile.
async function localize(within) {
  const rows = $$("tbody tr", within);
  if (rows.length < 500) return localizeAll(within);
  for (const u of $$("[data-utc]", within)) u.remove();
  for (let i = 0; i < rows.length; i++) {
    localizeAll(rows[i]);
    if (i % 200 === 199) await wait(0);
  }
}
localize(document);

// ---- requests

const base = location.pathname; // of the directory, as the server knows it
const pathOf = (name) => base + name.split("/").map(encodeURIComponent).join("/");
const can = (what) => (" " + ($("#list")?.dataset.can || "") + " ").includes(" " + what + " ");
const pageURL = () => location.pathname + location.search;

// words says what a status means to people, with what the server says of it.
async function words(response) {
  switch (response.status) {
    case 401: return "You are not signed in, or no longer. Sign in again in another tab, then retry.";
    case 404: return "It does not exist, or you may not do this.";
    case 409: return "There is another name that differs only in upper and lower case or in accents.";
    case 412: return "It was changed meanwhile.";
    case 413: return "It is too large.";
    case 415: return "Files of this type are not accepted.";
    case 429: case 503: return "The server is busy. Try again in a moment.";
    case 507: return "There is no space left on the server.";
  }
  const text = typeof response.text === "function" ? await response.text().catch(() => "") : response.responseText || "";
  return (text.length < 300 && !text.startsWith("<") && text.trim()) || "The server answered with status " + response.status + ".";
}

// versionOf returns the ETag of an object, null if there is none.
async function versionOf(name) {
  const r = await fetch(pathOf(name), {method: "HEAD", cache: "no-store"});
  return r.ok ? r.headers.get("ETag") : null;
}

// load parses a page. Documents of XMLHttpRequest run no scripts.
const load = (url) => new Promise((resolve, reject) => {
  const x = new XMLHttpRequest();
  x.open("GET", url);
  x.setRequestHeader("Accept", "text/html");
  x.responseType = "document";
  x.onload = () => (x.status === 200 && x.response ? resolve(x.response) : reject(new Error(String(x.status))));
  x.onerror = () => reject(new Error("no connection"));
  x.send();
});

// refresh shows the directory as it is now.
let refreshing = null, refreshed = 0;
function refresh() {
  refreshing ||= (async () => {
    await wait(Math.max(150, refreshed + 3000 - Date.now()));
    refreshing = null;
    refreshed = Date.now();
    const fresh = await load(pageURL());
    for (const id of ["list", "rest"]) {
      const was = document.getElementById(id), is = fresh.getElementById(id);
      if (was && is) {
        localize(is);
        was.replaceWith(document.adoptNode(is));
      }
    }
    begin();
  })().catch(() => say("This page could not be updated. Reload it to see the changes."));
  return refreshing;
}

function say(text) {
  const status = $("#status");
  if (status) status.textContent = text;
}

// ---- dialogs

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

// ---- filter while typing

const search = $(".find input[type=search]");
function filter() {
  const list = $("#list");
  if (!list || !search) return;
  const wanted = search.value.trim().toLowerCase(), rows = $$("tbody tr", list);
  let shown = 0;
  for (const row of rows) {
    row.hidden = wanted !== "" && !nameIn(row).toLowerCase().includes(wanted);
    shown += row.hidden ? 0 : 1;
  }
  if (search.value !== search.defaultValue) {
    say(wanted === "" ? entries(rows.length) : whole.format(shown) + " of " + entries(rows.length) + " on this page. Press Enter to search " + ($(".find [name=deep]").checked ? "subfolders too." : "all of this folder."));
  }
}
const entries = (n) => whole.format(n) + (n === 1 ? " entry" : " entries");
const nameIn = (row) => $("bdi", row)?.textContent || "";
search?.addEventListener("input", filter);

// ---- one file: preview and actions

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
      fetch(src).then((r) => (r.ok ? r.text() : words(r))).then((t) => { pre.textContent = t || "This file is empty."; }, () => { pre.textContent = "The file could not be loaded."; });
      return pre;
    }
  }
  return null;
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
    viewer = el("dialog", {class: "viewer", "aria-labelledby": "viewed", onclose: () => {
      viewer.remove();
      viewer = null;
      $("td a", row)?.focus();
    }, onkeydown: (e) => {
      if (e.target.closest("audio, video, pre, input")) return;
      if (e.key === "ArrowLeft") step(-1);
      if (e.key === "ArrowRight") step(1);
    }});
    document.body.append(viewer);
  }
  const act = (work) => async () => { const changed = await work(nameIn(row)); if (changed) { viewer?.close(); refresh(); } };
  function fill() {
    const link = $("td a", row), href = link.getAttribute("href"), name = nameIn(row), all = rows();
    const at = all.findIndex((r) => nameIn(r) === name), media = preview(row, kindOf(row), href);
    const facts = [$("data", row), $("time", row)].filter(Boolean);
    viewer.replaceChildren(
      el("div", {class: "strip"},
        el("h2", {id: "viewed"}, isolate(name)),
        el("div", {class: "bar"},
          el("a", {class: "btn", href, download: name.split("/").pop()}, icon("download"), "Download"),
          can("move") && button("Rename or move", act(move)), can("write") && button("Make a copy", act(copy)),
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

// ---- change: each request has the version that the reader saw

async function remove(name) {
  let version = await versionOf(name);
  for (let text = "This cannot be undone."; ; text = "The file was changed meanwhile. Delete the version that is there now?") {
    if (await ask("Delete this file?", (f) => f.append(el("p", {class: "subject"}, isolate(name)), el("p", {}, text)), [["", "Keep"], ["go", "Delete", "danger"]]) !== "go") return false;
    const r = await drop(name, version);
    if (r.ok) return true;
    if (r.status !== 412) { await tell("It was not deleted", await words(r)); return false; }
    version = await versionOf(name);
  }
}
const drop = (name, version) => fetch(pathOf(name), {method: "DELETE", headers: version ? {"If-Match": version} : {}}).catch(() => Response.error());

const move = (name) => transfer("MOVE", name, "Move or rename", "Move");
const copy = (name) => transfer("COPY", name, "Copy", "Copy");

async function transfer(method, name, title, verb) {
  const version = await versionOf(name), up = name.split("/").slice(0, -1).map((e) => e + "/").join("");
  const input = el("input", {type: "text", required: true, value: method === "COPY" ? free(name) : name, autocapitalize: "none", spellcheck: "false"});
  let note = "A name in this folder, or a path such as archive/" + name.split("/").pop() + ".";
  for (;;) {
    const answer = await ask(title, (f) => {
      f.append(el("p", {class: "subject"}, isolate(name)), el("label", {}, "New name", input), el("p", {class: "quiet"}, note));
      queueMicrotask(() => { const dot = input.value.lastIndexOf("."); input.focus(); input.setSelectionRange(up.length, dot > up.length ? dot : input.value.length); });
    }, [["", "Cancel"], ["go", verb, "primary"]]);
    if (answer !== "go") return false;
    let to = input.value;
    if (to.endsWith("/")) to += name.split("/").pop();
    let overwrite = "F";
    for (;;) {
      const r = await fetch(pathOf(name), {method, headers: {Destination: pathOf(to), Overwrite: overwrite, ...(version ? {"If-Match": version} : {})}}).catch(() => Response.error());
      if (r.ok) return true;
      if (r.status === 412 && overwrite === "F" && await versionOf(to)) {
        if (await ask("Replace the file there?", (f) => f.append(el("p", {class: "subject"}, isolate(to)), el("p", {}, "There is a file of this name already.")), [["", "Keep it"], ["go", "Replace", "danger"]]) !== "go") break;
        overwrite = "T";
        continue;
      }
      note = r.status ? await words(r) : "There is no connection to the server.";
      break;
    }
  }
}

// free returns a name like this one that the page does not show.
function free(name, taken = new Set($$("#list tbody tr").map(nameIn))) {
  const slash = name.lastIndexOf("/") + 1, dot = name.lastIndexOf(".");
  const end = dot > slash ? dot : name.length;
  for (let n = 2; ; n++) {
    const next = name.slice(0, end) + " (" + n + ")" + name.slice(end);
    if (!taken.has(next)) return next;
  }
}

// ---- select entries

// The entries of a search below this folder are not entries of it.
const canZip = can("zip") && !new URLSearchParams(location.search).has("deep");
let selecting = false;
const selected = () => $$("#list tbody input:checked").map((c) => nameIn(c.closest("tr")));
function select(on) {
  selecting = on;
  $("#select")?.setAttribute("aria-pressed", String(on));
  for (const box of $$("#list .pick")) box.remove();
  if (on) {
    for (const row of $$("#list tbody tr")) {
      const box = !canZip && !isFile(row) ? el("span", {class: "pick"}) : el("input", {type: "checkbox", class: "pick", "aria-label": "Select " + nameIn(row), onchange: picked});
      row.cells[0].prepend(box);
    }
  }
  picked();
}
function picked() {
  $("#picked")?.remove();
  if (!selecting) return;
  const names = selected(), dirs = names.some((n) => n.endsWith("/"));
  $(".head").after(el("div", {id: "picked", class: "note", role: "region", "aria-label": "Selection"},
    el("span", {role: "status"}, names.length ? whole.format(names.length) + " selected" : "Select entries of the list."),
    names.length > 0 && canZip && el("a", {class: "btn", href: "?zip&" + names.map((n) => "name=" + encodeURIComponent(n.replace(/\/$/, ""))).join("&")}, icon("download"), "Download as zip"),
    names.length > 0 && can("delete") && !dirs && button("Delete", () => removeAll(names), "danger"),
    button("All", () => { for (const c of $$("#list tbody tr:not([hidden]) .pick")) c.checked = true; picked(); }),
    button("Done", () => { select(false); $("#select").focus(); })));
}
async function removeAll(names) {
  if (await ask("Delete " + files(names.length) + "?", (f) => f.append(el("p", {}, "This cannot be undone.")), [["", "Keep"], ["go", "Delete", "danger"]]) !== "go") return;
  const failed = [];
  for (const name of names) {
    const r = await drop(name, await versionOf(name).catch(() => null));
    if (!r.ok) failed.push([name, r.status ? await words(r) : "There is no connection to the server."]);
  }
  select(false);
  await refresh();
  if (failed.length) {
    await ask("Some files were not deleted", (f) => f.append(el("ul", {}, ...failed.map(([n, why]) => el("li", {}, isolate(n), ": " + why)))), [["ok", "Close", "primary"]]);
  }
}

// ---- uploads

const uploadsOnly = $("#mine") !== null;
const atOnce = 4;
const queue = {waiting: [], running: new Set(), failed: [], done: 0, bytesDone: 0, total: 0, bytes: 0, paused: false, forAll: null, shut: false};

function enqueue(list) {
  if (!list.length) return;
  if (!queue.waiting.length && !queue.running.size && !queue.failed.length) Object.assign(queue, {done: 0, bytesDone: 0, total: 0, bytes: 0, forAll: null, paused: false});
  for (const {file, name} of list) {
    queue.waiting.push({file, name, sent: 0, tries: 0, lost: false, condition: {"If-None-Match": "*"}});
    queue.total++;
    queue.bytes += file.size;
  }
  pump();
}
const busy = () => queue.waiting.length > 0 || queue.running.size > 0;
addEventListener("beforeunload", (e) => { if (busy()) e.preventDefault(); });
addEventListener("online", () => pump());

function pump() {
  while (!queue.paused && queue.running.size < atOnce && queue.waiting.length) {
    const item = queue.waiting.shift();
    queue.running.add(item);
    run(item).finally(() => {
      queue.running.delete(item);
      draw();
      pump();
    });
  }
  draw();
  if (!busy() && queue.total) say(files(queue.done) + " uploaded" + (queue.failed.length ? ", " + files(queue.failed.length) + " not." : "."));
}

// send makes one request with progress. Its status is 0 without a connection, -1 if it was stopped.
function send(item) {
  return new Promise((resolve) => {
    const x = new XMLHttpRequest(), end = (status) => resolve({status, responseText: x.responseText, header: (k) => x.getResponseHeader(k)});
    if (uploadsOnly) {
      x.open("POST", base);
      x.setRequestHeader("Content-Disposition", "attachment; filename*=UTF-8''" + encodeURIComponent(item.name.split("/").pop()).replace(/['()*!]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase()));
    } else {
      x.open("PUT", pathOf(item.name));
      for (const [k, v] of Object.entries(item.condition)) x.setRequestHeader(k, v);
    }
    x.setRequestHeader("Accept", "application/json");
    x.upload.onprogress = (e) => { item.sent = e.loaded; draw(); };
    x.onload = () => end(x.status);
    x.onerror = () => end(0);
    x.onabort = () => end(-1);
    item.stop = () => x.abort();
    x.send(item.file);
  });
}

async function run(item) {
  for (;;) {
    item.sent = 0;
    item.note = "";
    const r = await send(item);
    item.stop = null;
    if (r.status >= 200 && r.status < 300) return finish(item, r);
    if (r.status === -1) {
      if (!item.canceled) queue.waiting.unshift(item);
      return;
    }
    if (r.status === 0 || r.status === 429 || r.status === 503 || r.status === 408) {
      // Whether the server stored a file before the connection was lost is unknown.
      item.lost ||= r.status === 0;
      if (++item.tries > 12) return fail(item, r.status ? await words(r) : "There is no connection to the server.");
      item.note = r.status ? "The server is busy; trying again." : "The connection was lost; trying again.";
      draw();
      await pauseFor(item, Number(r.header("Retry-After")) * 1000 || Math.min(500 * 2 ** item.tries, 30000));
      if (item.canceled) return;
      if (queue.paused) { queue.waiting.unshift(item); return; }
      continue;
    }
    if (r.status === 412 && !uploadsOnly) {
      if (item.lost && await isStored(item)) return finish(item, r);
      const answer = queue.forAll || await conflict(item);
      if (answer === "replace") {
        const version = await versionOf(item.name).catch(() => null);
        item.condition = version ? {"If-Match": version} : {"If-None-Match": "*"};
      } else if (answer === "both") {
        item.taken ||= new Set();
        item.original ||= item.name;
        item.taken.add(item.name);
        item.name = free(item.original, item.taken);
        item.condition = {"If-None-Match": "*"};
      } else {
        queue.total--;
        queue.bytes -= item.file.size;
        return;
      }
      continue;
    }
    return fail(item, await words(r));
  }
}
const pauseFor = (item, ms) => new Promise((done) => {
  const timer = setTimeout(done, ms), stop = () => { clearTimeout(timer); done(); };
  item.stop = stop;
  addEventListener("online", stop, {once: true});
});

// isStored reports whether the server has exactly the bytes of a file whose request got no answer.
async function isStored(item) {
  if (item.file.size > 16 << 20) return false;
  try {
    const r = await fetch(pathOf(item.name), {cache: "no-store"});
    if (!r.ok || Number(r.headers.get("Content-Length")) !== item.file.size) return false;
    const a = new Uint8Array(await r.arrayBuffer()), b = new Uint8Array(await item.file.arrayBuffer());
    return a.length === b.length && a.every((v, i) => v === b[i]);
  } catch { return false; }
}

function finish(item, r) {
  queue.done++;
  queue.bytesDone += item.file.size;
  item.sent = 0;
  if (uploadsOnly) {
    try { remember(JSON.parse(r.responseText).files); } catch { /* the list shows it after a reload */ }
  } else if (!busy() || queue.done % 25 === 0) refresh();
  if (!queue.waiting.length && queue.running.size === 1 && !uploadsOnly) refresh();
}
function fail(item, why) {
  item.note = why;
  queue.failed.push(item);
}

// Conflicts are asked one after another.
let asking = Promise.resolve();
function conflict(item) {
  return (asking = asking.then(async () => {
    if (item.canceled) return "skip";
    if (queue.forAll) return queue.forAll;
    const all = el("input", {type: "checkbox"}), there = await fetch(pathOf(item.name), {method: "HEAD", cache: "no-store"}).catch(() => null);
    const modified = there && there.headers.get("Last-Modified"), length = there && there.headers.get("Content-Length");
    const answer = await ask("This file exists already", (f) => {
      f.append(el("p", {class: "subject"}, isolate(item.name)),
        el("dl", {}, el("dt", {}, "On the server"), el("dd", {}, [length && size(Number(length)), modified && shortTime.format(new Date(modified))].filter(Boolean).join(", ") || "Not known"),
          el("dt", {}, "Yours"), el("dd", {}, size(item.file.size) + ", " + shortTime.format(new Date(item.file.lastModified)))));
      if (queue.waiting.length) f.append(el("label", {class: "check"}, all, "Do the same for all further files"));
    }, [["", "Skip"], ["both", "Keep both"], ["replace", "Replace", "danger"]]);
    if (all.checked) queue.forAll = answer || "skip";
    return answer || "skip";
  }));
}

function cancel(item) {
  item.canceled = true;
  item.stop?.();
  for (const list of [queue.waiting, queue.failed]) {
    const at = list.indexOf(item);
    if (at >= 0) list.splice(at, 1);
  }
  queue.total--;
  queue.bytes -= item.file.size;
  pump();
}
function retry(items) {
  for (const item of items) {
    queue.failed.splice(queue.failed.indexOf(item), 1);
    Object.assign(item, {tries: 0, note: ""});
    queue.waiting.push(item);
  }
  pump();
}
function pauseAll(on) {
  queue.paused = on;
  if (on) for (const item of queue.running) item.stop?.();
  pump();
}

// The panel of uploads has a line for each file that runs or failed.
let panel = null, drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (!queue.total && !queue.failed.length) { panel?.box.remove(); panel = null; return; }
    panel ||= makePanel();
    const sent = queue.bytesDone + [...queue.running].reduce((n, i) => n + i.sent, 0);
    const of = Math.max(queue.bytes, 1);
    panel.bar.max = of;
    panel.bar.value = busy() ? Math.min(sent, of) : of;
    panel.sum.textContent = whole.format(queue.done) + " of " + files(queue.total) + " · " + size(Math.min(sent, queue.bytes)) + " of " + size(queue.bytes);
    panel.title.textContent = busy() ? (queue.paused ? "Paused" : "Uploading") : queue.failed.length ? "Some files were not uploaded" : "Uploaded";
    // Screen readers would read every step of the progress.
    if (!busy() || Date.now() - panel.spoken > 10000) {
      panel.spoken = Date.now();
      panel.live.textContent = panel.title.textContent + ": " + panel.sum.textContent;
    }
    panel.pause.hidden = !busy();
    panel.pause.textContent = queue.paused ? "Resume" : "Pause";
    panel.stop.hidden = !busy();
    panel.again.hidden = !queue.failed.length;
    panel.close.hidden = busy();
    const lines = [...queue.running, ...queue.failed.slice(0, 50)];
    for (const [item, line] of panel.lines) if (!lines.includes(item)) { line.box.remove(); panel.lines.delete(item); }
    for (const item of lines) {
      let line = panel.lines.get(item);
      if (!line) {
        line = {bar: el("progress", {"aria-label": "Progress of " + item.name}), note: el("span", {class: "why"})};
        line.again = iconButton("retry", "Retry " + item.name, () => retry([item]));
        line.box = el("li", {}, isolate(item.name), line.again, iconButton("close", "Cancel " + item.name, () => cancel(item)), line.bar, line.note);
        panel.lines.set(item, line);
        panel.list.append(line.box);
      }
      const failed = queue.failed.includes(item);
      line.bar.hidden = failed;
      line.bar.max = Math.max(item.file.size, 1);
      line.bar.value = item.sent;
      line.note.textContent = item.note || "";
      line.again.hidden = !failed;
    }
  });
}
function makePanel() {
  const p = {lines: new Map(), spoken: Date.now(), title: el("h2", {}), sum: el("p", {class: "quiet"}), bar: el("progress", {"aria-label": "Progress of all files"}), list: el("ul", {})};
  p.pause = button("Pause", () => pauseAll(!queue.paused));
  p.stop = button("Cancel all", () => { queue.waiting.splice(0).forEach((i) => { queue.total--; queue.bytes -= i.file.size; }); [...queue.running].forEach(cancel); });
  p.again = button("Retry all", () => retry([...queue.failed]));
  p.close = iconButton("close", "Close", () => { queue.failed.length = 0; queue.total = 0; draw(); });
  p.live = el("p", {class: "sr", role: "status"});
  p.box = el("section", {class: "panel", "aria-label": "Uploads"}, el("div", {class: "strip"}, p.title, p.close), p.bar, p.sum, p.live, p.list, el("div", {class: "ends"}, p.again, p.stop, p.pause));
  document.body.append(p.box);
  return p;
}

// filesOf returns what was dropped, with all files of folders and their paths.
async function filesOf(transfer) {
  const entries = [...transfer.items].filter((i) => i.kind === "file").map((i) => i.webkitGetAsEntry?.() || i.getAsFile()).filter(Boolean), list = [];
  async function walk(entry, path) {
    if (entry instanceof File) list.push({file: entry, name: path + entry.name});
    else if (entry.isFile) {
      const file = await new Promise((ok, no) => entry.file(ok, no)).catch(() => null);
      if (file) list.push({file, name: path + file.name});
    } else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((ok, no) => reader.readEntries(ok, no)).catch(() => []);
        if (!some.length) return;
        for (const e of some) await walk(e, path + entry.name + "/");
      }
    }
  }
  for (const e of entries) await walk(e, "");
  return list;
}

const pick = (folder) => {
  const input = el("input", {type: "file", multiple: true, webkitdirectory: folder, onchange: () => enqueue([...input.files].map((file) => ({file, name: file.webkitRelativePath || file.name})))});
  input.click();
};

function takeDrops() {
  let depth = 0;
  const over = (on) => document.body.classList.toggle("over", on), isDrop = (e) => e.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (e) => { if (isDrop(e)) { depth++; over(true); } });
  addEventListener("dragleave", (e) => { if (isDrop(e) && --depth <= 0) { depth = 0; over(false); } });
  addEventListener("dragover", (e) => { if (isDrop(e)) e.preventDefault(); });
  addEventListener("drop", async (e) => {
    if (!isDrop(e)) return;
    e.preventDefault();
    depth = 0;
    over(false);
    enqueue(await filesOf(e.dataTransfer));
  });
}

// ---- own uploads

// remember shows files that were uploaded now. Of people without a name, the server keeps no
// list: this page has it until it is closed.
function remember(list) {
  for (const f of list) {
    const row = el("tr", {}, el("td", {}, icon("file"), el("a", {href: "./" + f.id}, isolate(f.name))), el("td", {}, el("data", {value: f.size})), el("td", {}, el("time", {datetime: f.created})),
      el("td", {}, el("a", {class: "more", href: "./" + f.id, "aria-label": "Details"}, icon("more"))));
      localize(row);
    $("#mine tbody").prepend(row);
  }
  $("#none")?.remove();
  const table = $("#mine");
  if (table) table.hidden = false;
}

async function showUpload(row) {
  const link = $("td a", row), url = new URL(link.getAttribute("href"), location).href, name = nameIn(row);
  const answer = await ask(name, (f) => f.append(el("label", {}, "Link", el("input", {type: "text", readonly: true, value: url, onfocus: (e) => e.target.select()})),
    el("p", {}, el("a", {class: "btn", href: url, download: name}, icon("download"), "Download"))), [["", "Close"], ["delete", "Delete", "danger"]]);
  if (answer !== "delete") return;
  const r = await fetch(url, {method: "DELETE"}).catch(() => Response.error());
  if (r.ok) { row.remove(); say("Deleted."); } else await tell("It was not deleted", r.status ? await words(r) : "There is no connection to the server.");
}

// ---- what the page has

document.addEventListener("click", (e) => {
  const link = e.target.closest?.("#list tbody a, #mine tbody a");
  if (!link || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
  const row = link.closest("tr");
  if (row.closest("#mine")) {
    if (link.matches(".more")) { e.preventDefault(); showUpload(row); }
    return;
  }
  if (!isFile(row)) return;
  if (link.matches(".more") || ["image", "audio", "video", "pdf", "text", "code"].includes(kindOf(row))) {
    e.preventDefault();
    show(row);
  }
});

function begin() {
  if (selecting) select(true);
  if (search?.value !== search?.defaultValue) filter();
}

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
