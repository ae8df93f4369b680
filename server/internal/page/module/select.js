// Select entries.

// The entries of a search below this folder are not entries of it.
const canZip = can("zip") && !new URLSearchParams(location.search).has("deep");
let selecting = false;
const selected = () => $$("#list tbody input:checked").map((c) => seen(c.closest("tr")));
// What is in checked is selected, if it is still what the page shows.
function select(on, checked = []) {
  selecting = on;
  $("#select")?.setAttribute("aria-pressed", String(on));
  for (const box of $$("#list .pick")) box.remove();
  if (on) {
    const was = new Set(checked.map(JSON.stringify));
    for (const row of $$("#list tbody tr")) {
      const box = !canZip && !isFile(row) ? el("span", {class: "pick"}) : el("input", {type: "checkbox", class: "pick", "aria-label": "Select " + nameIn(row), onchange: picked});
      box.checked = was.has(JSON.stringify(seen(row)));
      row.cells[0].prepend(box);
    }
  }
  picked();
}

// interrupt returns a function that goes on with what the person did in the list, once there is
// another one: the filter, the selection, and the focus.
function interrupt() {
  const checked = selected(), at = document.activeElement, row = at.closest("#list tr, #rest"), name = row && nameIn(row);
  const parts = (row) => $$("a, input", row), nth = row && parts(row).indexOf(at), where = $$("#list tbody tr").indexOf(row);
  return () => {
    if (selecting) select(true, checked);
    if (search?.value !== search?.defaultValue) filter();
    const rows = $$("#list tbody tr");
    // In the place of a row that is gone is the one that came after it.
    const now = row?.id ? $("#rest") : where >= 0 && (rowOf(name) || rows[Math.min(where, rows.length - 1)]) || $("#list thead");
    if (row) parts(now)[nth]?.focus();
  };
}

// archives returns links to zip archives of these entries: to a single one, but for entries whose
// names would not fit into the header of a request.
function archives(names) {
  const urls = [], rows = $$("#list tbody tr"), part = [...new URLSearchParams(location.search).keys()].some((k) => k !== "sort" && k !== "order") || $("#next");
  if (names.length && names.length === rows.length && !part) urls.push("?zip");
  else for (const name of names) {
    const add = "&name=" + encodeURIComponent(name.replace(/\/$/, ""));
    if (!urls.length || urls.at(-1).length + add.length > 6000) urls.push("?zip");
    urls.push(urls.pop() + add);
  }
  if (urls.length > 20) return [el("span", {class: "quiet"}, "To download them as zip, select fewer entries, or all.")];
  return urls.map((href, i) => el("a", {class: "btn", href}, icon("download"), urls.length > 1 ? "Zip " + (i + 1) + " of " + urls.length : "Download as zip"));
}
function picked() {
  if (!selecting) return $("#picked")?.remove();
  const versions = selected(), names = versions.map((v) => v.name), dirs = names.some((n) => n.endsWith("/"));
  if (!$("#picked")) $(".head").after(el("div", {id: "picked", class: "note", role: "region", tabindex: "-1", "aria-label": "Selection"}));
  renew($("#picked"),
    el("span", {role: "status"}, names.length ? whole.format(names.length) + " selected" : "Select entries of the list."),
    ...archives(canZip ? names : []),
    names.length > 0 && can("delete") && !dirs && button("Delete", () => removeAll(versions), "danger"),
    button("All", () => { for (const c of $$("#list tbody tr:not([hidden]) .pick")) c.checked = true; picked(); }),
    button("Done", () => { select(false); $("#select").focus(); }));
}
async function removeAll(versions) {
  if (await ask("Delete " + files(versions.length) + "?", (f) => f.append(el("p", {}, "This cannot be undone.")), [["", "Keep"], ["go", "Delete", "danger"]]) !== "go") return;
  select(false);
  $("#select").focus();
  enqueue(versions.map((version) => ({name: version.name, version})));
}
