// What the cameras see now: all pictures in one multipart stream.

import { $, arrange, fill, icon, sleep, stamp } from "./dom.js";
import { tampered } from "./status.js";
import { showSwitches, switchedOff } from "./switches.js";
import { count, reasonOf, span, title, words } from "./words.js";

const STALE_MS = 4000; // a camera that is online gives several pictures a second

const tiles = new Map(); // name -> {node, canvas, last, busy, next, camera}
let paused = false;
let watching = null; // AbortController of the live stream
let watched = "";

function newTile(camera) {
  const node = stamp("camera-template");
  const tile = { node, canvas: node.querySelector("canvas"), last: 0, busy: false, next: null, camera };
  const big = node.querySelector(".camera__big");
  node.dataset.camera = camera.name;
  fill(node.querySelector(".camera__name"), title(camera.name));
  big.setAttribute("aria-label", `Enlarge ${words(camera.name)}`);
  big.addEventListener("click", () => big.setAttribute("aria-pressed", String(node.classList.toggle("camera--big"))));
  tile.canvas.setAttribute("aria-label", `Live picture of ${words(camera.name)}`);
  if (camera.size) [tile.canvas.width, tile.canvas.height] = camera.size;
  return tile;
}

export function showCameras(cameras) {
  for (const name of [...tiles.keys()]) if (!cameras.some((camera) => camera.name === name)) tiles.delete(name);
  for (const camera of cameras) {
    const tile = tiles.get(camera.name) ?? newTile(camera);
    tile.camera = camera;
    tiles.set(camera.name, tile);
    const now = camera.tracks ? count(camera.tracks, "object") : camera.motion ? "Motion" : "";
    fill(tile.node.querySelector(".camera__facts"), [tampered(camera), now, ...switchedOff(camera)].filter(Boolean).join(" · "));
    showSwitches(tile.node.querySelector(".switches"), camera);
  }
  arrange($("cameras"), cameras.map((camera) => tiles.get(camera.name).node));
  $("cameras").dataset.count = cameras.length;
  $("no-cameras").hidden = cameras.length > 0;
  $("pause").hidden = cameras.length === 0;
  markTiles();
  const names = cameras.map((camera) => camera.name).join("&cam=");
  if (names !== watched) watch(names);
}

/** Say of each picture whether it is live; one that is not looks so. */
export function markTiles() {
  for (const { node, camera, last } of tiles.values()) {
    const age = performance.now() - last;
    const online = camera.status === "online";
    const lost = document.body.dataset.link === "lost";
    const state = !online ? camera.status : lost ? "lost" : paused ? "paused" : !last ? "starting" : age > STALE_MS ? "stale" : "live";
    node.dataset.state = state;
    node.dataset.empty = String(!last);
    fill(node.querySelector(".camera__state"), state === "stale" ? `${span(age / 1000)} old` : state === "lost" ? "Not live" : title(state));
    const why = state === "lost" ? "Connection lost" : state === "starting" ? "Waiting for the first picture" : state === "stale" ? "No new picture" : online || state === "disabled" ? "" : reasonOf(camera);
    fill(node.querySelector(".camera__away"), why ?? "");
  }
}

export async function watch(names = watched) {
  watching?.abort();
  watched = names;
  if (!names || paused || document.hidden) return;
  const mine = (watching = new AbortController());
  for (let wait = 500; !mine.signal.aborted; wait = Math.min(wait * 2, 5000)) {
    try {
      const answer = await fetch(`/live?cam=${names}`, { signal: mine.signal });
      if (answer.status === 401) return location.assign("/login");
      if (answer.ok) {
        wait = 500;
        await readParts(answer.body.getReader(), show);
      }
    } catch {
      // gone: the tiles grow stale and say so while this tries again
    }
    await sleep(wait);
  }
}

/** Cut a multipart stream into pictures. */
async function readParts(reader, each) {
  const ascii = new TextDecoder("latin1");
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    for (;;) {
      const head = ascii.decode(held.subarray(0, 400));
      const end = head.indexOf("\r\n\r\n") + 4;
      if (end < 4) break;
      const field = (name) => new RegExp(`^${name}: *(.*)\r$`, "im").exec(head.slice(0, end))?.[1];
      const size = Number(field("content-length"));
      if (held.length < end + size + 2) break;
      each(field("x-camera"), Number(field("x-frame")), held.slice(end, end + size));
      held = held.slice(end + size + 2);
    }
  }
}

/** Newest wins here too: what comes while a picture is being decoded replaces what waits. */
async function show(name, index, jpeg) {
  const tile = tiles.get(name);
  if (!tile) return;
  tile.next = { index, jpeg };
  if (tile.busy) return;
  tile.busy = true;
  while (tile.next) {
    const now = tile.next;
    tile.next = null;
    try {
      const picture = await createImageBitmap(new Blob([now.jpeg], { type: "image/jpeg" }));
      if (tile.canvas.width !== picture.width || tile.canvas.height !== picture.height) {
        [tile.canvas.width, tile.canvas.height] = [picture.width, picture.height];
      }
      tile.canvas.getContext("2d").drawImage(picture, 0, 0);
      picture.close();
      const first = !tile.last;
      tile.last = performance.now();
      tile.node.dataset.frame = now.index;
      if (first) markTiles();
    } catch {
      // a damaged picture is no picture: the tile grows stale if more of them come
    }
  }
  tile.busy = false;
}

/** Close the stream: a hidden page costs the device nothing. */
export function unwatch() {
  watching?.abort();
}

export function startLive() {
  $("pause").addEventListener("click", () => {
    paused = !paused;
    fill($("pause").querySelector("span"), paused ? "Play" : "Pause");
    icon($("pause"), paused ? "play" : "pause");
    markTiles();
    watch();
  });
}
