// Shows sizes and dates as the reader writes them, with the exact ones on hover.
const bytes = new Intl.NumberFormat(), when = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"}),
  exactly = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "long"});
for (const d of document.querySelectorAll("data")) d.title = bytes.format(d.value) + " bytes";
for (const t of document.querySelectorAll("time")) {
  const at = new Date(t.dateTime);
  t.textContent = when.format(at);
  t.title = exactly.format(at);
}
