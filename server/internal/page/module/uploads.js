// Uploads, and what else is done with many files.

const uploadsOnly = $("#mine") !== null;
const atOnce = 4;
const queue = {waiting: [], running: new Set(), failed: [], done: 0, bytesDone: 0, total: 0, bytes: 0, paused: false, active: false, did: ""};

// enqueue takes files to send. Without a file, that of the version is deleted. With unread, a
// file could not be read, for that reason.
function enqueue(list) {
  if (!list.length) return;
  if (!busy() && !queue.failed.length) Object.assign(queue, {done: 0, bytesDone: 0, total: 0, bytes: 0, paused: false});
  const batch = {answer: ""}; // what to do with conflicts of these files
  for (const {file, name, version = null, unread} of list) {
    const item = {file, name, version, unread, batch, size: file ? file.size : 1, sent: 0, tries: 0, conflicts: 0, lost: false};
    if (unread) fail(item, unread);
    else queue.waiting.push(item);
    queue.total++;
    queue.bytes += item.size;
  }
  queue.did = list[0].file || list[0].unread ? "uploaded" : "deleted";
  queue.active = true;
  pump();
}
const busy = () => queue.waiting.length > 0 || queue.running.size > 0;
addEventListener("beforeunload", (e) => { if (busy()) e.preventDefault(); });
addEventListener("online", () => pump());

function pump() {
  while (!queue.paused && queue.running.size < atOnce && queue.waiting.length) {
    const item = queue.waiting.shift();
    queue.running.add(item);
    run(item).catch((e) => fail(item, "It could not be sent: " + e.message)).finally(() => {
      queue.running.delete(item);
      draw();
      pump();
    });
  }
  draw();
  if (busy() || !queue.active) return;
  queue.active = false;
  say(files(queue.done) + " " + queue.did + (queue.failed.length ? ", " + files(queue.failed.length) + " not." : "."));
  // To load a long list takes the server long: once is enough.
  if (!uploadsOnly) refresh();
}

// send makes one request with progress. Its status is 0 without a connection, -1 if it was stopped.
function send(item) {
  return new Promise((resolve) => {
    const x = new XMLHttpRequest(), end = (status) => resolve({status, responseText: x.responseText, headers: {get: (k) => x.getResponseHeader(k)}});
    if (uploadsOnly) {
      x.open("POST", base);
      x.setRequestHeader("Content-Disposition", "attachment; filename*=UTF-8''" + encodeURIComponent(item.name.split("/").pop()).replace(/['()*!]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase()));
    } else {
      x.open("PUT", pathOf(item.name));
      for (const [k, v] of Object.entries(item.version ? item.version.condition : {"If-None-Match": "*"})) x.setRequestHeader(k, v);
    }
    x.setRequestHeader("Accept", "application/json");
    x.upload.onprogress = (e) => { item.sent = e.loaded; draw(); };
    x.upload.onload = () => { item.whole = true; };
    x.onload = () => end(x.status);
    x.onerror = () => end(0);
    x.onabort = () => end(-1);
    item.stop = () => x.abort();
    x.send(item.file);
  });
}

async function run(item) {
  item.began ||= Date.now();
  for (;;) {
    Object.assign(item, {sent: 0, note: "", whole: false});
    let r = item.version ? await confine(item.version) : null;
    if (item.canceled) return;
    if (queue.paused) { queue.waiting.unshift(item); return; }
    if (!r || r.ok) r = item.file ? await send(item) : await request("DELETE", item.name, item.version.condition);
    item.stop = null;
    if (item.canceled) return;
    if (r.status >= 200 && r.status < 300 || r.status === 404 && item.lost && !item.file) return finish(item, r);
    // Another POST would make another file.
    if (r.status <= 0 && item.whole && uploadsOnly) return fail(item, "The connection ended after all was sent, so it may be stored. Look at your files before you retry.");
    // Whether the server did it before the connection ended is unknown.
    item.lost ||= r.status <= 0;
    if (r.status === -1) { queue.waiting.unshift(item); return; }
    if (r.status === 0 || r.status === 429 || r.status === 503 || r.status === 408) {
      if (++item.tries > 12) return fail(item, await words(r));
      item.note = r.status ? "The server is busy; trying again." : "The connection was lost; trying again.";
      draw();
      await pauseFor(item, Number(r.headers.get("Retry-After")) * 1000 || Math.min(500 * 2 ** item.tries, 30000));
      if (item.canceled) return;
      if (queue.paused) { queue.waiting.unshift(item); return; }
      continue;
    }
    if (r.status === 422 && item.file && item.name !== item.name.normalize()) {
      item.batch.respell ||= asking = asking.catch(() => {}).then(() => ask("Change how names are written?", (f) => f.append(el("p", {class: "subject"}, isolate(item.name)),
        para("This name stores its accents as separate characters, which is not allowed here. It can be uploaded with accented letters instead, which look the same. The answer applies to all further files.")), [["", "Leave out"], ["go", "Upload", "primary"]]));
      if (await item.batch.respell === "go") {
        if (item.canceled) return;
        item.name = item.name.normalize();
        continue;
      }
    }
    if (r.status === 412 && item.file && !uploadsOnly) {
      if (await isStored(item)) return finish(item, r);
      if (item.canceled) return;
      if (queue.paused) { queue.waiting.unshift(item); return; }
      if (++item.conflicts > 20) return fail(item, "It keeps changing, or there are too many files with this name.");
      const answer = item.original ? "both" : await conflict(item);
      if (item.canceled) return;
      if (answer === "both") {
        item.taken ||= new Set();
        item.original ||= item.name;
        item.taken.add(item.name);
        item.name = free(item.original, item.taken);
        item.version = null;
      } else if (answer !== "replace") {
        forget(item);
        return;
      } else if (!item.version?.condition) {
        return fail(item, item.unseen);
      }
      continue;
    }
    return fail(item, await refusal(item, r));
  }
}

// refusal is words for what may be about a name that does not exist yet.
function refusal(item, r) {
  if (r.status !== 404 || !item.file || uploadsOnly) return words(r);
  return /(^|\/)\./.test(item.name) ? "Left out: names that begin with a dot are not allowed here." : "This name is not allowed here, or you may not upload to this folder.";
}
const pauseFor = (item, ms) => new Promise((done) => {
  const timer = setTimeout(done, ms), stop = () => { clearTimeout(timer); done(); };
  item.stop = stop;
  addEventListener("online", stop, {once: true});
});

// isStored reports whether the server has exactly the bytes of a file, and has them since that was
// sent first: the answer was lost, perhaps to a browser that sent the request again by itself.
async function isStored(item) {
  const end = new AbortController();
  item.stop = () => end.abort();
  item.note = "Checking whether it was stored.";
  draw();
  try {
    const r = await fetch(pathOf(item.name), {cache: "no-store", signal: end.signal}), h = r.headers;
    if (!r.ok || Number(h.get("Content-Length")) !== item.file.size || Date.parse(h.get("Date")) - Date.parse(h.get("Last-Modified")) > Date.now() - item.began + 2000) return false;
    const reader = r.body.getReader();
    for (let at = 0; ;) {
      const {done, value} = await reader.read();
      if (done) return at === item.file.size;
      const own = new Uint8Array(await item.file.slice(at, at + value.length).arrayBuffer());
      if (!value.every((byte, i) => byte === own[i])) return false;
      item.sent = at += value.length;
      draw();
    }
  } catch { return false; } finally {
    end.abort();
    item.stop = null;
    item.note = "";
  }
}

function finish(item, r) {
  queue.done++;
  queue.bytesDone += item.size;
  item.sent = 0;
  if (uploadsOnly) {
    try { remember(JSON.parse(r.responseText).files); } catch { /* the list shows it after a reload */ }
  }
}
function fail(item, why) {
  item.note = why;
  queue.failed.push(item);
}

// Conflicts are asked one after another. To replace a file, item.version becomes the version
// that the question shows; without one, item.unseen says why there is none.
let asking = Promise.resolve();
function conflict(item) {
  return (asking = asking.catch(() => {}).then(async () => {
    if (item.canceled) return "skip";
    const there = await request("HEAD", item.name), condition = there.ok && conditionOf(there.headers);
    item.version = condition ? {name: item.name, condition} : null;
    item.unseen = there.status === 404 ? "There is a file with this name that you may not see, so it cannot be replaced." : there.ok ? "The version that is there is not known, so it cannot be replaced." : await words(there);
    if (item.batch.answer) return item.batch.answer;
    const all = el("input", {type: "checkbox"});
    const answer = await ask("This file exists already", (f) => {
      f.append(el("p", {class: "subject"}, isolate(item.name)),
        el("dl", {}, el("dt", {}, "On the server"), el("dd", {}, factsOf(there.headers) || "Not known"),
          el("dt", {}, "Yours"), el("dd", {}, size(item.file.size) + ", " + shortTime.format(new Date(item.file.lastModified)))),
        condition ? "" : el("p", {}, item.unseen));
      if (queue.waiting.some((i) => i.batch === item.batch)) f.append(el("label", {class: "check"}, all, "Do the same for all further files"));
    }, [["", "Skip"], ["both", "Keep both"], condition && ["replace", "Replace", "danger"]].filter(Boolean));
    if (all.checked) item.batch.answer = answer || "skip";
    return answer || "skip";
  }));
}

function cancel(item) {
  if (!item.file && !item.stop && queue.running.has(item)) return; // it may have been deleted
  item.canceled = true;
  item.stop?.();
  for (const list of [queue.waiting, queue.failed]) {
    const at = list.indexOf(item);
    if (at >= 0) list.splice(at, 1);
  }
  forget(item);
  pump();
}
function forget(item) {
  queue.total--;
  queue.bytes -= item.size;
}
const again = (item) => !item.unread; // a retry can help
function retry(items) {
  queue.active = true;
  for (const item of items) {
    queue.failed.splice(queue.failed.indexOf(item), 1);
    Object.assign(item, {tries: 0, conflicts: 0, note: ""});
    item.batch.respell = null;
    queue.waiting.push(item);
  }
  pump();
}
function pauseAll(on) {
  queue.paused = on;
  // What was sent whole will be answered soon.
  if (on) for (const item of queue.running) if (!item.whole) item.stop?.();
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
    const of = Math.max(queue.bytes, 1), deletes = queue.did === "deleted";
    panel.bar.max = of;
    panel.bar.value = busy() ? Math.min(sent, of) : of;
    panel.sum.textContent = whole.format(queue.done) + " of " + files(queue.total) + (deletes ? "" : " · " + size(Math.min(sent, queue.bytes)) + " of " + size(queue.bytes));
    panel.title.textContent = busy() ? (queue.paused ? "Paused" : deletes ? "Deleting" : "Uploading") : queue.failed.length ? "Some files were not " + queue.did : deletes ? "Deleted" : "Uploaded";
    // Screen readers would read every step of the progress.
    if (!busy() || Date.now() - panel.spoken > 10000) {
      panel.spoken = Date.now();
      panel.live.textContent = panel.title.textContent + ": " + panel.sum.textContent;
    }
    panel.pause.hidden = !busy();
    panel.pause.textContent = queue.paused ? "Resume" : "Pause";
    panel.stop.hidden = !busy();
    panel.again.hidden = !queue.failed.some(again);
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
      line.bar.max = Math.max(item.size, 1);
      line.bar.value = item.sent;
      line.note.textContent = item.note || "";
      line.again.hidden = !failed || !again(item);
    }
  });
}
function makePanel() {
  const p = {lines: new Map(), spoken: Date.now(), title: el("h2", {}), sum: el("p", {class: "quiet"}), bar: el("progress", {"aria-label": "Progress of all files"}), list: el("ul", {})};
  p.pause = button("Pause", () => pauseAll(!queue.paused));
  p.stop = button("Cancel all", () => { queue.waiting.splice(0).forEach(forget); [...queue.running].forEach(cancel); pump(); });
  p.again = button("Retry all", () => retry(queue.failed.filter(again)));
  p.close = iconButton("close", "Close", () => { queue.failed.length = 0; queue.total = 0; draw(); });
  p.live = el("p", {class: "sr", role: "status"});
  p.box = el("section", {class: "panel", "aria-label": "Progress"}, el("div", {class: "strip"}, p.title, p.close), p.bar, p.sum, p.live, p.list, el("div", {class: "ends"}, p.again, p.stop, p.pause));
  document.body.append(p.box);
  return p;
}

// filesOf returns what was dropped, with all files of folders and their paths.
async function filesOf(transfer) {
  const entries = [...transfer.items].filter((i) => i.kind === "file").map((i) => i.webkitGetAsEntry?.() || i.getAsFile()).filter(Boolean), list = [];
  async function walk(entry, path) {
    if (entry instanceof File) list.push({file: entry, name: path + entry.name});
    else if (entry.isFile) {
      await new Promise((ok, no) => entry.file(ok, no)).then((file) => list.push({file, name: path + file.name}), () => list.push({name: path + entry.name, unread: "It could not be read."}));
    } else {
      const reader = entry.createReader(), name = path + entry.name + "/";
      try {
        for (;;) {
          const some = await new Promise((ok, no) => reader.readEntries(ok, no));
          if (!some.length) return;
          for (const e of some) await walk(e, name);
        }
      } catch { list.push({name, unread: "This folder could not be read to its end."}); }
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
