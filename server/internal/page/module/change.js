// Change: each request has the version that the reader saw, of what it replaces, too.

async function remove(row) {
  let version = seen(row), text = "This cannot be undone.";
  for (;;) {
    if (await ask("Delete this file?", (f) => f.append(el("p", {class: "subject"}, isolate(version.name)), el("p", {}, text)), [["", "Keep"], ["go", "Delete", "danger"]]) !== "go") return false;
    let r = await change("DELETE", version);
    if (r.ok) return true;
    if (r.status === 412) {
      r = await request("HEAD", version.name);
      version = {name: version.name, condition: r.ok && conditionOf(r.headers)};
      text = "The file was changed meanwhile. Delete the version that is there now? It has " + factsOf(r.headers) + ".";
      if (version.condition) continue;
      if (r.ok) r = unknown();
    }
    await tell("It was not deleted", await words(r));
    return false;
  }
}

const move = (row) => transfer("MOVE", row, "Move or rename", "Move");
const copy = (row) => transfer("COPY", row, "Copy", "Copy");

async function transfer(method, row, title, verb) {
  const version = seen(row), name = version.name, up = name.split("/").slice(0, -1).map((e) => e + "/").join("");
  const input = el("input", {type: "text", required: true, value: method === "COPY" ? free(name) : name, autocapitalize: "none", spellcheck: "false"});
  let note = "A name in this folder, or a path such as archive/" + name.split("/").pop() + ".";
  for (;;) {
    const answer = await ask(title, (f) => {
      f.append(el("p", {class: "subject"}, isolate(name)), el("label", {}, "New name", input), el("p", {class: "quiet"}, note));
      queueMicrotask(() => { const dot = input.value.lastIndexOf("."); input.focus(); input.setSelectionRange(up.length, dot > up.length ? dot : input.value.length); });
    }, [["", "Cancel"], ["go", verb, "primary"]]);
    if (answer !== "go") return false;
    let to = input.value;
    if (to.split("/").includes("..")) {
      note = "“..” is not possible. A path with / before it begins at the top folder.";
      continue;
    }
    if (to.endsWith("/")) to += name.split("/").pop();
    for (let seen = "", headers = {Overwrite: "F"}; ;) {
      const r = await change(method, version, {Destination: pathOf(to), ...headers});
      if (r.ok) return true;
      note = await words(r);
      if (r.status !== 412) break;
      const there = version.condition && await request("HEAD", to), tag = there?.ok && conditionOf(there.headers)?.["If-Match"];
      if (!tag || tag === seen) {
        note = !there || seen ? note + " Close this, and look at it again." : there.ok ? "There is a file with that name, whose version is not known, so it cannot be replaced." : "There is a file with that name, or this one was changed meanwhile.";
        break;
      }
      if (await ask("Replace the file there?", (f) => f.append(el("p", {class: "subject"}, isolate(to)), para(seen ? "It was changed meanwhile: " : "There is already a file with this name: ", factsOf(there.headers), ".")), [["", "Keep it"], ["go", "Replace", "danger"]]) !== "go") break;
      seen = tag;
      headers = {Overwrite: "T", If: "<" + pathOf(to) + "> ([" + tag + "])"};
    }
  }
}

// replace sends another file in the place of this one.
async function replace(row) {
  const version = seen(row);
  const input = el("input", {type: "file", onchange: () => {
    viewer?.close();
    enqueue([{file: input.files[0], name: version.name, version}]);
  }});
  input.click();
  return false;
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
