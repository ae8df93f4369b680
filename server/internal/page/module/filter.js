// Filter while typing.

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
const rowOf = (name) => $$("#list tbody tr").find((row) => nameIn(row) === name);
search?.addEventListener("input", filter);
