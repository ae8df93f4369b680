// Own uploads.

// remember shows files that were uploaded now. Of people without a name, the server keeps no
// list: this page has it until it is closed.
function remember(list) {
  for (const f of list) {
    const row = el("tr", {}, el("td", {}, icon("file"), el("a", {href: "./" + f.id}, isolate(f.name))), el("td", {}, el("data", {value: f.size})), el("td", {}, el("time", {datetime: f.created})),
      el("td", {}, el("a", {class: "more", href: (f.can.includes("delete") ? "?delete=" : "./") + f.id, "aria-label": "Details"}, icon("more"))));
    localize(row);
    $("#mine tbody").prepend(row);
  }
  $("#none")?.remove();
  const table = $("#mine");
  if (table) table.hidden = false;
}

for (const more of $$("#mine .more")) more.ariaLabel = "Details";

async function showUpload(row) {
  const link = $("td a", row), url = new URL(link.getAttribute("href"), location).href, name = nameIn(row);
  const answer = await ask(name, (f) => f.append(el("label", {}, "Link", el("input", {type: "text", readonly: true, value: url, onfocus: (e) => e.target.select()})),
    el("p", {}, el("a", {class: "btn", href: url, download: name}, icon("download"), "Download"))), [["", "Close"], $(".more", row).search.startsWith("?delete=") && ["delete", "Delete", "danger"]].filter(Boolean));
  if (answer !== "delete") return;
  const r = await fetch(url, {method: "DELETE"}).catch(() => Response.error());
  if (r.ok) { row.remove(); say("Deleted."); } else await tell("It was not deleted", await words(r));
}
