// The page of one house. Three sources, each of which may fail alone and says so on the page:
// /feed (status and events, server-sent), /live (all pictures in one multipart stream), and the alarm's buttons.

const $ = (id) => document.getElementById(id);
const csrf = document.querySelector("meta[name=csrf]").content;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const SILENT_MS = 5000; // the feed speaks each second: this long without a word is a lost connection
const STALE_MS = 4000; // a camera that is online gives several pictures a second
const KEPT = 400; // events in the list

// ---------------------------------------------------------------- words

const ALARM = {
  disarmed: ["Disarmed", "Events are kept, no alerts are sent.", "disarmed"],
  arming: ["Arming…", "Leave now.", "clock"],
  armed_home: ["Armed · home", "Somebody is in. Alerts are sent.", "home"],
  armed_away: ["Armed · away", "Nobody is in. Alerts are sent.", "away"],
  armed_night: ["Armed · night", "Everybody sleeps. Alerts are sent.", "night"],
  pending: ["Somebody is there", "Disarm, or the alarm goes off.", "clock"],
  triggered: ["Alarm!", "Something was seen while the house was armed.", "alert"],
};
// Cameras are online, offline or disabled; engines up, standing_in or fault; sinks connecting, up, back_off, fault or stopped; `ok`,
// `dropped` and `none` are of rows that this page makes itself.
const TONES = { online: "good", up: "good", ok: "good", offline: "bad", fault: "bad", disabled: "off", stopped: "off", none: "off" };
const TOLD = { back_off: "trying again" };

const NAMES = { mqtt: "MQTT", jsonl: "JSON lines", homeassistant: "Home Assistant" };

const words = (name) => String(name).replaceAll("_", " ");
const title = (name) => words(name).replace(/^./, (first) => first.toUpperCase());
const number = (value, digits = 0) => Number(value).toLocaleString(undefined, { maximumFractionDigits: digits });
const count = (many, one) => `${number(many)} ${one}${many === 1 ? "" : "s"}`;
const tone = (state) => TONES[state] ?? "warn";

const told = (state) => TOLD[state] ?? words(state);

function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0days`;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const fullDate = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayName = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

function day(date) {
  const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  const days = Math.round((midnight(date) - midnight(new Date())) / 86400000);
  return days === 0 || days === -1 ? title(relative.format(days, "day")) : dayName.format(date);
}

function when(date) {
  const ago = (Date.now() - date) / 1000;
  if (ago >= 0 && ago < 3600) return ago < 60 ? relative.format(-Math.round(ago), "second") : relative.format(-Math.round(ago / 60), "minute");
  return clock.format(date);
}

// ---------------------------------------------------------------- small helpers for the document

function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function stamp(template) {
  return $(template).content.firstElementChild.cloneNode(true);
}

function icon(node, name) {
  node.querySelector("use").setAttribute("href", `#i-${name}`);
}

/** Make `parent` hold just `nodes`, moving only what must move, so that focus and scrolling stay. */
function arrange(parent, nodes) {
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextElementSibling;
    at.remove();
    at = next;
  }
}

// ---------------------------------------------------------------- status

let status = null;

function showStatus(news) {
  if (status && status.version !== news.version) location.reload(); // the device was updated: so must this page be
  status = news;
  document.title = news.alarm === "triggered" ? `Alarm! ${news.node}` : `${news.node} · edge`;
  showAlarm(news.alarm);
  showCameras(news.cameras ?? []);
  showHealth(news);
}

function showAlarm(state) {
  const [name, hint, symbol] = ALARM[state] ?? [title(state), "", "alert"];
  const panel = $("alarm");
  panel.dataset.state = state;
  fill($("alarm-state"), name);
  fill($("alarm-hint"), hint);
  icon(panel.querySelector(".alarm__badge"), symbol);
  const current = state === "disarmed" ? "disarmed" : state.replace("armed_", "");
  for (const button of panel.querySelectorAll(".mode")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === current));
  }
}

async function setAlarm(mode, code = null) {
  const panel = $("alarm");
  panel.setAttribute("aria-busy", "true");
  let wrong = "";
  try {
    const answer = await fetch("/api/alarm", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify({ mode, code }),
      signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401) return location.assign("/login");
    const said = await answer.json();
    if (answer.ok) showStatus(said);
    else wrong = said.error;
    if (mode === "disarmed" && (answer.status === 409 || (answer.status === 429 && code))) return askCode(said.error);
  } catch {
    wrong = "That did not reach the device. The alarm is as it was.";
  } finally {
    panel.removeAttribute("aria-busy");
  }
  fill($("alarm-wrong"), wrong);
  $("alarm-wrong").hidden = !wrong;
}

function askCode(why) {
  $("alarm-wrong").hidden = true;
  fill($("pin-why"), why);
  $("pin-code").value = "";
  if (!$("pin").open) $("pin").showModal();
  $("pin-code").focus();
}

function row(name, state, facts, reason) {
  const item = stamp("row-template");
  item.dataset.tone = tone(state);
  fill(item.querySelector(".row__name"), name);
  fill(item.querySelector(".row__state"), told(state));
  fill(item.querySelector(".row__facts"), [reason, ...facts].filter(Boolean).join(" · "));
  return item;
}

function showHealth(news) {
  const box = news.outbox ?? {};
  const cameras = (news.cameras ?? []).map((camera) => row(title(camera.name), camera.status, cameraFacts(camera), camera.reason));
  const engines = (news.engines ?? []).map((engine) => row(engine.name, engine.state, [engine.model], engine.reason));
  const sinks = (news.sinks ?? []).map((sink) => row(NAMES[sink.name] ?? title(sink.name), sink.state, [sink.depth ? `${number(sink.depth)} waiting` : ""], sink.reason));
  if (!cameras.length) cameras.push(row("No camera", "none", ["add a [[camera]] to the configuration"]));
  if (!engines.length) engines.push(row("No engine", "none", ["only motion is watched: set model.name to detect people"]));
  if (!sinks.length) sinks.push(row("Kept here only", "none", ["add [mqtt] or [email] to be told"]));
  const backlog = box.depth ? `${number(box.depth)} waiting, the oldest for ${span(box.oldest_s ?? 0)}` : "nothing waiting";
  sinks.push(row("Outbox", box.dropped ? "dropped" : "ok", [backlog, box.dropped ? `${number(box.dropped)} dropped` : ""]));
  $("health-cameras").replaceChildren(...cameras);
  $("health-engines").replaceChildren(...engines);
  $("health-sinks").replaceChildren(...sinks);
  fill($("system"), `edge ${news.version} · up ${span(news.uptime_s ?? 0)}${news.ready ? "" : " · starting"}`);
  showProblems(news);
}

function showProblems(news) {
  const parts = [["Camera", "status", news.cameras], ["Engine", "state", news.engines], ["", "state", news.sinks]];
  const found = parts.flatMap(([kind, key, list]) =>
    (list ?? [])
      .filter((part) => part[key] && ["bad", "warn"].includes(tone(part[key])))
      .map((part) => `${kind} ${NAMES[part.name] ?? words(part.name)} is ${told(part[key])}${part.reason ? `: ${part.reason}` : ""}`.trim()),
  );
  const list = $("problems");
  if (list.dataset.said === found.join("\n")) return;
  list.dataset.said = found.join("\n");
  list.replaceChildren(...found.map((text) => Object.assign(document.createElement("li"), { textContent: title(text) })));
  list.hidden = !found.length;
}

// ---------------------------------------------------------------- cameras

const tiles = new Map(); // name -> {node, canvas, last, busy, next, camera}
let paused = false;
let watching = null; // AbortController of the live stream
let watched = "";

function cameraFacts(camera) {
  const [width, height] = camera.size ?? [];
  return [
    width ? `${width} × ${height}` : "",
    camera.fps == null ? "" : `${number(camera.fps, 1)} fps`,
    camera.inferences ? `${number(camera.inferences)} inferences` : "",
    camera.dropped ? `${number(camera.dropped)} dropped` : "",
  ];
}

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

function showCameras(cameras) {
  for (const name of [...tiles.keys()]) if (!cameras.some((camera) => camera.name === name)) tiles.delete(name);
  for (const camera of cameras) {
    const tile = tiles.get(camera.name) ?? newTile(camera);
    tile.camera = camera;
    tiles.set(camera.name, tile);
    const things = Array.isArray(camera.tracks) ? camera.tracks.length : (camera.tracks ?? 0);
    fill(tile.node.querySelector(".camera__facts"), things ? count(things, "object") : camera.motion ? "Motion" : "");
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
function markTiles() {
  for (const { node, camera, last } of tiles.values()) {
    const age = performance.now() - last;
    const online = camera.status === "online";
    const lost = document.body.dataset.link !== "live";
    const state = !online ? camera.status : lost ? "lost" : paused ? "paused" : !last ? "starting" : age > STALE_MS ? "stale" : "live";
    node.dataset.state = state;
    node.dataset.empty = String(!last);
    fill(node.querySelector(".camera__state"), state === "stale" ? `${span(age / 1000)} old` : state === "lost" ? "Not live" : title(state));
    const why = state === "lost" ? "Connection lost" : state === "starting" ? "Waiting for the first picture" : state === "stale" ? "No new picture" : online || state === "disabled" ? "" : camera.reason;
    fill(node.querySelector(".camera__away"), why ?? "");
  }
}

async function watch(names = watched) {
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
        await readParts(answer.body.getReader(), draw);
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
async function draw(name, index, jpeg) {
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

// ---------------------------------------------------------------- events: messages in, one card an object out

const objects = new Map(); // id -> {node, after, row}
let oldest = null; // uid of the oldest message that was read
let opener = null; // the object whose picture is open

function takeRows(rows, { gap = false, announce = false } = {}) {
  if (gap) {
    objects.clear();
    oldest = null;
  }
  for (const message of rows.toReversed?.() ?? [...rows].reverse()) {
    const { id } = message.after;
    const known = objects.get(id);
    if (known && known.row.captured_at > message.captured_at) continue;
    const object = known ?? { node: newEvent(id) };
    objects.set(id, Object.assign(object, { after: message.after, row: message }));
    showEvent(object);
    if (!known && announce) {
      object.node.classList.add("event--new");
      fill($("said"), `${title(message.after.label)}, ${words(message.after.camera)}, ${clock.format(message.after.start_time * 1000)}`);
    }
  }
  if (rows.length && (oldest === null || !announce)) oldest = rows.at(-1).uid;
  listEvents();
}

function newEvent(id) {
  const node = stamp("event-template");
  node.dataset.id = id;
  node.querySelector(".event__open").addEventListener("click", () => openShot(objects.get(id)));
  return node;
}

function shotUrl({ after }) {
  return `/api/events/${encodeURIComponent(after.id)}.jpg?t=${after.snapshot?.frame_time ?? after.frame_time}`;
}

function eventFacts(after) {
  const zones = [...new Set([...(after.current_zones ?? []), ...(after.entered_zones ?? [])])].map(words);
  const lasted = after.end_time == null ? "" : span(Math.max(1, after.end_time - after.start_time));
  const sure = after.label === "motion" || after.top_score == null ? "" : `${Math.round(after.top_score * 100)}\u00a0%\u00a0sure`;
  return [title(after.camera), zones.join(", "), lasted, sure].filter(Boolean).join(" · ");
}

function showEvent(object) {
  const { node, after, row: message } = object;
  const image = node.querySelector("img");
  fill(node.querySelector(".event__title"), title(after.sub_label ?? after.label));
  fill(node.querySelector(".event__facts"), eventFacts(after));
  node.querySelector("time").dateTime = new Date(after.start_time * 1000).toISOString();
  node.querySelector("time").title = fullDate.format(after.start_time * 1000);
  node.dataset.now = String(after.end_time == null);
  node.dataset.delivery = message.state ?? "";
  const unsent = { pending: "Not sent yet", parked: "Refused", dropped: "Dropped" }[message.state] ?? "";
  fill(node.querySelector(".event__state"), after.end_time == null ? "Now" : unsent);
  image.hidden = !after.has_snapshot;
  if (after.has_snapshot && image.getAttribute("src") !== shotUrl(object)) {
    const box = after.snapshot?.box ?? after.box;
    const [width, height] = after.frame_size ?? [1, 1];
    if (box) image.style.objectPosition = `${((box[0] + box[2]) / 2 / width) * 100}% ${((box[1] + box[3]) / 2 / height) * 100}%`;
    image.src = shotUrl(object);
  }
  if (opener === object) fillShot(object);
}

function listEvents() {
  const sorted = [...objects.values()].sort((a, b) => b.after.start_time - a.after.start_time);
  for (const gone of sorted.splice(KEPT)) objects.delete(gone.after.id);
  const headings = new Map([...$("event-list").querySelectorAll(".day")].map((node) => [node.textContent, node]));
  const nodes = [];
  let current = "";
  for (const { node, after } of sorted) {
    const name = day(new Date(after.start_time * 1000));
    if (name !== current) nodes.push(headings.get(name) ?? Object.assign(document.createElement("h3"), { className: "day", textContent: name }));
    current = name;
    nodes.push(node);
  }
  arrange($("event-list"), nodes);
  $("no-events").hidden = sorted.length > 0;
  tellTimes();
}

function tellTimes() {
  for (const { node, after } of objects.values()) fill(node.querySelector("time"), when(after.start_time * 1000));
}

function fillShot(object) {
  const { after } = object;
  fill($("shot-title"), title(after.sub_label ?? after.label));
  fill($("shot-facts"), `${eventFacts(after)} · ${fullDate.format(after.start_time * 1000)}`);
  $("shot-image").hidden = !after.has_snapshot;
  $("shot-image").alt = `${title(after.label)} at ${words(after.camera)}`;
  if (after.has_snapshot) $("shot-image").src = shotUrl(object);
}

function openShot(object) {
  opener = object;
  fillShot(object);
  $("shot").showModal();
}

async function showOlder() {
  const button = $("older");
  button.disabled = true;
  try {
    const answer = await fetch(`/api/events?limit=60&before=${encodeURIComponent(oldest)}`);
    const rows = answer.ok ? await answer.json() : [];
    takeRows(rows);
    button.hidden = answer.ok && rows.length < 60;
  } finally {
    button.disabled = false;
  }
}

// ---------------------------------------------------------------- the feed

let feed = null;
let heard = performance.now();

function link(state) {
  if (document.body.dataset.link === state) return;
  document.body.dataset.link = state;
  fill($("link"), { live: "Live", lost: "Connection lost", connecting: "Connecting" }[state]);
  fill($("lost"), state === "lost" ? "Connection lost. What you see is old; trying again." : "");
  $("lost").hidden = state !== "lost";
  markTiles();
}

function listen() {
  feed?.close();
  feed = new EventSource("/feed");
  heard = performance.now();
  feed.addEventListener("status", (event) => {
    heard = performance.now();
    link("live");
    showStatus(JSON.parse(event.data));
  });
  feed.addEventListener("events", (event) => {
    const { gap, rows } = JSON.parse(event.data);
    takeRows(rows, { gap, announce: !gap });
    if (gap) $("older").hidden = rows.length < 60;
  });
  feed.addEventListener("error", () => {
    link("lost");
    if (feed.readyState === EventSource.CLOSED) askWhy();
  });
}

/** The browser gives up on an answer that is no stream: a session that ended, or a server that is full. */
async function askWhy() {
  try {
    if ((await fetch("/api/status")).status === 401) return location.assign("/login");
  } catch {
    // not reachable: the watchdog tries again
  }
}

function everySecond() {
  if (document.hidden) return;
  const silent = performance.now() - heard;
  if (silent > SILENT_MS) {
    link("lost");
    if (!feed || feed.readyState === EventSource.CLOSED || silent > 2 * SILENT_MS) listen();
  }
  markTiles();
  tellTimes();
}

// ---------------------------------------------------------------- start

for (const button of document.querySelectorAll(".mode")) button.addEventListener("click", () => setAlarm(button.dataset.mode));
$("pin-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = $("pin-code").value;
  $("pin").close();
  setAlarm("disarmed", code);
});
$("pin-cancel").addEventListener("click", () => $("pin").close());
$("older").addEventListener("click", showOlder);
$("shot").addEventListener("close", () => {
  opener = null;
  $("shot-image").removeAttribute("src");
});
$("shot").addEventListener("click", (event) => event.target === $("shot") && $("shot").close());
$("pause").addEventListener("click", () => {
  paused = !paused;
  fill($("pause").querySelector("span"), paused ? "Play" : "Pause");
  icon($("pause"), paused ? "play" : "pause");
  markTiles();
  watch();
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    feed?.close(); // a hidden page costs the device nothing
    watching?.abort();
  } else {
    listen();
    watch();
  }
});
showAlarm($("alarm").dataset.state);
navigator.serviceWorker?.register("/static/worker.js", { scope: "/" }).catch(() => {}); // not with an untrusted certificate
listen();
setInterval(everySecond, 1000);
