// Sizes and dates.

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
