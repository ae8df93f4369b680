// Requests.

const base = location.pathname; // of the directory, as the server knows it
const pathOf = (name) => base + name.split("/").map(encodeURIComponent).join("/");
const can = (what) => (" " + ($("#list")?.dataset.can || "") + " ").includes(" " + what + " ");
const pageURL = () => location.pathname + location.search;

// words says what a status means to people, with what the server says of it.
async function words(response) {
  switch (response.status) {
    case 401: return "You are not signed in, or no longer. Sign in again in another tab, then retry.";
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

// versionOf returns the ETag of an object, null if there is none.
async function versionOf(name) {
  const r = await fetch(pathOf(name), {method: "HEAD", cache: "no-store"});
  return r.ok ? r.headers.get("ETag") : null;
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
    const fresh = await load(pageURL());
    for (const id of ["list", "rest"]) {
      const was = document.getElementById(id), is = fresh.getElementById(id);
      if (was && is) {
        localize(is);
        was.replaceWith(document.adoptNode(is));
      }
    }
    begin();
  })().catch(() => say("This page could not be updated. Reload it to see the changes."));
  return refreshing;
}

function say(text) {
  const status = $("#status");
  if (status) status.textContent = text;
}
