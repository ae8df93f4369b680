// Select entries.

// The entries of a search below this folder are not entries of it.
const canZip = can("zip") && !new URLSearchParams(location.search).has("deep");
let selecting = false;
const selected = () => $$("#list tbody input:checked").map((c) => seen(c.closest("tr")));
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
  const versions = selected(), names = versions.map((v) => v.name), dirs = names.some((n) => n.endsWith("/"));
  $(".head").after(el("div", {id: "picked", class: "note", role: "region", "aria-label": "Selection"},
    el("span", {role: "status"}, names.length ? whole.format(names.length) + " selected" : "Select entries of the list."),
    names.length > 0 && canZip && el("a", {class: "btn", href: "?zip&" + names.map((n) => "name=" + encodeURIComponent(n.replace(/\/$/, ""))).join("&")}, icon("download"), "Download as zip"),
    names.length > 0 && can("delete") && !dirs && button("Delete", () => removeAll(versions), "danger"),
    button("All", () => { for (const c of $$("#list tbody tr:not([hidden]) .pick")) c.checked = true; picked(); }),
    button("Done", () => { select(false); $("#select").focus(); })));
}
async function removeAll(versions) {
  if (await ask("Delete " + files(versions.length) + "?", (f) => f.append(el("p", {}, "This cannot be undone.")), [["", "Keep"], ["go", "Delete", "danger"]]) !== "go") return;
  const failed = [];
  for (const version of versions) {
    const r = await change("DELETE", version);
    if (!r.ok) failed.push([version.name, await words(r)]);
  }
  select(false);
  await refresh();
  if (failed.length) {
    await ask("Some files were not deleted", (f) => f.append(el("ul", {}, ...failed.map(([n, why]) => el("li", {}, isolate(n), ": " + why)))), [["ok", "Close", "primary"]]);
  }
}
