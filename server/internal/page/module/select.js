// Select entries.

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
