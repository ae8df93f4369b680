// Change: each request has the version that the reader saw.

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

// replace sends another file in the place of this one.
async function replace(name) {
  const version = await versionOf(name);
  const input = el("input", {type: "file", onchange: () => {
    viewer?.close();
    enqueue([{file: input.files[0], name, condition: version ? {"If-Match": version} : undefined}]);
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
