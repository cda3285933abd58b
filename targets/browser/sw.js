// Keeps the files of the bundle, so that the page works without a network once it has been opened.
//
// Its address names the bundle and the variant of the runtime: sw.js?bundle=0123456789ab&variant=relaxed.
"use strict";

const { searchParams } = new URL(self.location.href);
const CACHE = `edgetl-${searchParams.get("bundle")}-${searchParams.get("variant")}`;
const PREFIX = "edgetl-";
// What the page needs: all files but the golden photos, programs for other machines, and the other variants.
const isNeeded = (name) =>
  !name.startsWith("golden/") && !/\.(py|md)$/.test(name) && name !== "sw.js" &&
  (!name.startsWith("litert/litert_") || name.startsWith(`litert/litert_${searchParams.get("variant")}.`));

async function keepFiles() {
  const response = await fetch("SHA256SUMS", { cache: "no-cache" });
  const lines = (await response.clone().text()).split("\n").filter((line) => line && !line.startsWith("#"));
  const names = lines.map((line) => line.slice(66)).filter(isNeeded);
  const cache = await caches.open(CACHE);
  await cache.put("SHA256SUMS", response);
  // The address of the folder is the page.
  await cache.addAll(["./", ...names.map((name) => new Request(name, { cache: "no-cache" }))]);
}

async function dropOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(request) {
  const { pathname } = new URL(request.url);
  const cache = await caches.open(CACHE);
  // The list of files comes from the network where there is one: a new bundle is found by it.
  if (pathname.endsWith("/SHA256SUMS")) {
    try {
      return await fetch(request, { cache: "no-cache" });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: there is no network.
    }
  }
  return (await cache.match(request, { ignoreSearch: true })) || fetch(request);
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepFiles());
});
self.addEventListener("activate", (event) => event.waitUntil(dropOthers()));
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && new URL(event.request.url).origin === self.location.origin) {
    event.respondWith(answer(event.request));
  }
});
