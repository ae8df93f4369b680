// Requests.

const base = location.pathname; // of the directory, as the server knows it
const top = new URL($(".brand").href).pathname; // of the mount, or the share
// pathOf returns the path of a name in this directory or, with a slash before it, at the top.
const pathOf = (name) => (name[0] === "/" ? top.slice(0, -1) : base) + name.split("/").map(encodeURIComponent).join("/");
const can = (what) => (" " + ($("#list")?.dataset.can || "") + " ").includes(" " + what + " ");
const pageURL = () => location.pathname + location.search;

// words says what a status means to people, with what the server says of it.
async function words(response) {
  switch (response.status) {
    case 0: return "There is no connection to the server.";
    case 401: return "You are not signed in, or your session has ended. Sign in again in another tab, then retry.";
    case 404: return "It does not exist, or you may not do this.";
    case 409: return "There is another name that differs only in upper and lower case or in accents.";
    case 412: return "It was changed meanwhile.";
    case 413: return "It is too large.";
    case 415: return "Files of this type are not accepted.";
    case 429: case 503: return "The server is busy. Try again in a moment.";
    case 507: return "There is no space left on the server.";
  }
  const text = typeof response.text === "function" ? await response.text().catch(() => "") : response.responseText || "";
  return (text.length < 300 && !text.startsWith("<") && text.trim()) || "The server answered with status " + response.status + ".";
}

// request has status 0 without a connection.
const request = (method, name, headers = {}) => fetch(pathOf(name), {method, headers, cache: "no-store"}).catch(() => Response.error());

// A version of a file is what the list shows of it. confine asks the server for the condition
// that holds for this version alone. It returns what the server answered, or 412 if another
// version is there. Nothing may be changed unless that is ok: other answers say nothing about
// what is there.
const seen = (row) => ({name: nameIn(row), size: $("data", row)?.value, time: $("time", row)?.dateTime});
async function confine(version) {
  if (version.condition) return new Response();
  const {name, size, time} = version, r = await request("HEAD", name), h = r.headers;
  if (!r.ok) return r;
  const length = h.get("Content-Length") ?? size, at = h.get("Last-Modified");
  const same = length === size && (!time || !at || Date.parse(at) === Date.parse(time));
  // What is sent in the place of the file, compressed, has headers of its own.
  version.condition = same && conditionOf(h) || h.has("Content-Encoding") && time && {"If-Unmodified-Since": new Date(time).toUTCString()};
  return version.condition ? r : same ? unknown() : new Response(null, {status: 412});
}
const unknown = () => new Response("The server does not tell versions of this file apart.", {status: 428});
function conditionOf(h) {
  const tag = h.get("ETag"), at = h.get("Last-Modified");
  if (h.has("Content-Encoding") && /accept-encoding/i.test(h.get("Vary"))) return null;
  return tag?.startsWith('"') ? {"If-Match": tag} : at ? {"If-Unmodified-Since": at} : null;
}
const factsOf = (h) => [h.get("Content-Length") && size(Number(h.get("Content-Length"))), h.get("Last-Modified") && shortTime.format(new Date(h.get("Last-Modified")))].filter(Boolean).join(", ");

// change makes a request that applies to this version alone.
async function change(method, version, headers) {
  const r = await confine(version);
  return r.ok ? request(method, version.name, {...headers, ...version.condition}) : r;
}

// load parses a page. Documents of XMLHttpRequest run no scripts.
const load = (url) => new Promise((resolve, reject) => {
  const x = new XMLHttpRequest();
  x.open("GET", url);
  x.setRequestHeader("Accept", "text/html");
  x.responseType = "document";
  x.onload = () => (x.status === 200 && x.response ? resolve(x.response) : reject(new Error(String(x.status))));
  x.onerror = () => reject(new Error("no connection"));
  x.send();
});

// refresh shows the directory as it is now.
let refreshing = null, refreshed = 0;
function refresh() {
  refreshing ||= (async () => {
    await wait(Math.max(150, refreshed + 3000 - Date.now()));
    refreshing = null;
    refreshed = Date.now();
    const fresh = await load(pageURL()), resume = interrupt();
    for (const id of ["list", "rest"]) {
      const was = document.getElementById(id), is = fresh.getElementById(id);
      if (was && is) {
        localize(is);
        was.replaceWith(document.adoptNode(is));
      }
    }
    resume();
  })().catch(() => say("This page could not be updated. Reload it to see the changes."));
  return refreshing;
}

function say(text) {
  const status = $("#status");
  if (status) status.textContent = text;
}
