// One thing only: where the device cannot be reached, the page that says so. Nothing of the house is kept here.

const AWAY = ["/static/away.html", "/static/away.js", "/static/app.css", "/static/icon.svg"];
const KEPT = "away-1";

self.addEventListener("install", (event) => event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(AWAY))));

self.addEventListener("activate", (event) => {
  const forget = async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
    await self.registration.navigationPreload?.enable();
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate" && request.method === "GET") {
    // The browser's own request, which says where a link was followed from: one made here would be refused for those
    // of other sites.
    const asked = Promise.resolve(event.preloadResponse).then((answer) => answer ?? fetch(request));
    event.respondWith(asked.catch(() => caches.match("/static/away.html")));
  } else if (AWAY.includes(pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
  }
});
